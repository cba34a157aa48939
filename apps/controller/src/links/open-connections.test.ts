import { expect, it } from 'vitest';
import { OpenConnections } from './open-connections.ts';

it('tells the last connection that ends from the others, for each member', () => {
  const connections = new OpenConnections();
  for (const id of [1, 1, 1, 2]) connections.opened(id);
  expect([1, 1].map((id) => connections.closed(id))).toEqual([false, false]);
  expect(connections.closed(2)).toBe(true);
  expect(connections.closed(1)).toBe(true);
  connections.opened(1);
  expect(connections.closed(1)).toBe(true);
});

it('does not take one that was never open for the last', () => {
  expect(new OpenConnections().closed(3)).toBe(false);
});
