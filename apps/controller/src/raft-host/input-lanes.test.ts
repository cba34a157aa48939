import { expect, it } from 'vitest';
import { InputLanes } from './input-lanes.ts';

it('hands out the end of a member after all that came before it, once', () => {
  const lanes = new InputLanes();
  const heartbeat = {
    type: 'heartbeat',
    from: 2,
    to: 1,
    term: 1,
    commitIndex: 0,
    round: 0,
  } as const;
  lanes.addMessage(heartbeat);
  lanes.addGone(2);
  lanes.addGone(2);
  expect(lanes.takeGone()).toEqual([]);
  lanes.control.shift();
  expect(lanes.takeGone()).toEqual([2]);
  expect(lanes.takeGone()).toEqual([]);
});
