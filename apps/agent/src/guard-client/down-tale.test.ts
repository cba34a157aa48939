import { expect, it } from 'vitest';
import { DownTale } from './down-tale.ts';

const STARTING = { postmaster: 'starting', lastStop: null } as const;
const down = (lastStop: string) => ({ postmaster: 'down', lastStop }) as const;

it('tells each end of PostgreSQL, but of starts that fail alike one a minute', () => {
  let nowMs = 0;
  const told: unknown[] = [];
  const note = (_message: string, fields: object = {}): void => {
    told.push(Object.values(fields)[0]);
  };
  const tale = new DownTale({ info: note }, () => nowMs);
  const lives = (forMs: number, lastStop: string): void => {
    tale.look(down(''), STARTING);
    nowMs += forMs;
    tale.look(STARTING, down(lastStop));
    tale.look(down(lastStop), down(lastStop));
  };
  tale.look(null, down('exit code 1'));
  lives(60_000, 'signal SIGKILL');
  lives(60_000, 'signal SIGKILL');
  expect(told).toEqual(['signal SIGKILL', 'signal SIGKILL']);
  for (let tries = 0; tries < 50; tries += 1) lives(40, 'exit code 1');
  lives(40, 'signal SIGSEGV');
  expect(told.slice(2)).toEqual(['exit code 1', 'signal SIGSEGV']);
  nowMs += 60_000;
  lives(40, 'exit code 1');
  expect(told).toHaveLength(5);
});
