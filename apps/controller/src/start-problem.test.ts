import { expect, it } from 'vitest';
import { SeatTakenError } from './membership/seats.ts';
import { startProblem } from './start-problem.ts';

const places = { listen: { host: '10.0.0.1', port: 7400 }, api: { host: '10.0.0.1', port: 7401 } };

it('begins with the code that the runbooks name', () => {
  const error = new SeatTakenError('c2', 2);
  expect(startProblem(error, places)).toBe(`SEAT_TAKEN: ${error.message}`);
  expect(startProblem(new Error('odd'), places)).toBe('odd');
});

it('says which addresses were asked for when one of them is taken', () => {
  const error = Object.assign(new Error('listen EADDRINUSE'), { syscall: 'listen' });
  expect(startProblem(error, places)).toContain('(listen 10.0.0.1:7400, api 10.0.0.1:7401)');
});
