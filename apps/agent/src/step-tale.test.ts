import { beforeEach, describe, expect, it } from 'vitest';
import type { Logger } from '#libs/observability';
import type { Step } from '#libs/reconcile';
import { StepTale } from './step-tale.ts';
import { NotYetError } from './steps/step-error.ts';

const rewind = { kind: 'rewind', why: 'timeline 1 was left at 0/44B7240 here' } as Step;
const start = { kind: 'startStandby', why: 'follows pg1' } as Step;
let lines: { readonly message: string; readonly [field: string]: unknown }[];
let now: number;
let tale: StepTale;

beforeEach(() => {
  lines = [];
  now = 0;
  const note = (message: string, fields: object = {}): void => {
    lines.push({ message, ...fields });
  };
  tale = new StepTale({ info: note, warn: note } as unknown as Logger, () => now);
});

function tried(step: Step, why: string): void {
  tale.begins(step);
  tale.failed(step, new NotYetError(why), true, 400);
  now += 400;
}

describe('a step that fails again and again', () => {
  it('is told at its first try, when its reason is another, and once a minute', () => {
    for (let at = 0; at < 100; at += 1)
      tried(rewind, `pg1 does not answer on port 5432 (${at} ms)`);
    expect(lines.map(({ message }) => message)).toEqual(['step begins', 'step not possible yet']);
    tried(rewind, 'pg1 refuses rewinder');
    expect(lines.at(-1)).toMatchObject({ why: 'pg1 refuses rewinder', tries: 101 });
    expect(lines).toHaveLength(3);
    now += 60_000;
    tried(rewind, 'pg1 refuses rewinder');
    expect(lines.slice(3)).toMatchObject([
      { message: 'step begins', tries: 102 },
      { message: 'step not possible yet', why: 'pg1 refuses rewinder', tries: 102 },
    ]);
  });

  it('is told no more often when it takes turns with another one', () => {
    for (let turn = 0; turn < 10; turn += 1) {
      tried(rewind, 'pg1 does not answer');
      tried(start, 'pg1 does not answer');
    }
    expect(lines).toHaveLength(4);
  });

  it('says when it ended well at last, and is news again once the instance rests', () => {
    tried(rewind, 'pg1 does not answer');
    tale.begins(rewind);
    tale.ended(rewind, 80);
    expect(lines.at(-1)).toMatchObject({ message: 'step ended', tookMs: 80, tries: 2 });
    tale.rested();
    tried(rewind, 'pg1 does not answer');
    expect(lines.at(-1)).toMatchObject({ message: 'step not possible yet', code: 'NOT_YET' });
    expect(lines.at(-1)).not.toHaveProperty('tries');
  });

  it('that ends well but does not last (a crash at each start) is no news either', () => {
    for (let turn = 0; turn < 10; turn += 1) {
      tale.begins(start);
      tale.ended(start, 30);
    }
    expect(lines.map(({ message }) => message)).toEqual(['step begins', 'step ended']);
  });
});
