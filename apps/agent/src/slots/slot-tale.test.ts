import { expect, it } from 'vitest';
import { lsnOf } from '#libs/kernel';
import type { SlotAct } from './slot-plan.ts';
import { SlotTale } from './slot-tale.ts';

it('a slot that cannot be kept is told once, on change, and each minute; and when it is kept again', () => {
  const lines: string[] = [];
  let now = 0;
  const note = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    lines.push([message, fields['slot'] ?? fields['name'], fields['why']].join(' ').trim());
  };
  const tale = new SlotTale({ info: note, warn: note }, () => now);
  const advance = (name: string): SlotAct => ({
    kind: 'advance',
    name,
    database: null,
    to: lsnOf(9n),
  });
  const told = (): string[] => lines.splice(0);
  const fails = (name: string, why: string): void => tale.failed(advance(name), new Error(why));

  tale.done(advance('pg1'));
  expect(told()).toEqual([]);
  fails('pg1', 'slot is active for PID 4711');
  now += 2_000;
  fails('pg1', 'slot is active for PID 4712');
  fails('pg2', 'slot is active for PID 4712');
  expect(told()).toEqual([
    'slot not kept pg1 slot is active for PID 4711',
    'slot not kept pg2 slot is active for PID 4712',
  ]);
  fails('pg1', 'no space left');
  expect(told()).toEqual(['slot not kept pg1 no space left']);
  now += 60_000;
  fails('pg1', 'no space left');
  expect(told()).toEqual(['slot not kept pg1 no space left']);
  tale.done(advance('pg1'));
  tale.done(advance('pg1'));
  expect(told()).toEqual(['slot kept again pg1']);
  fails('pg1', 'no space left');
  tale.done({ kind: 'drop', name: 'pg1', why: 'nobody wants it' });
  expect(told()).toEqual(['slot not kept pg1 no space left', 'slot pg1 nobody wants it']);
});
