import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { MemberRemovedError } from './membership/member-ids.ts';
import { SeatTakenError } from './membership/seats.ts';

const UNIT = join(import.meta.dirname, '../../../deploy/systemd/matriarch-controller.service');

it.each([
  [new MemberRemovedError('c2', 2, 40), EXIT.forGood],
  [new SeatTakenError('c2', 2), EXIT.forGood],
  [Object.assign(new Error('flipped'), { code: 'DAMAGED_LOG' }), EXIT.forGood],
  // Put right from elsewhere: the next start may go well.
  [Object.assign(new Error('refused'), { code: 'JOIN_REFUSED' }), EXIT.badStart],
  [Object.assign(new Error('in use'), { code: 'EADDRINUSE' }), EXIT.badStart],
])('%s', (error, expected) => {
  expect(exitCodeOf(error)).toBe(expected);
});

it('the unit of systemd does not start again what ended for good', () => {
  const [, codes] = /^RestartPreventExitStatus=(.+)$/m.exec(readFileSync(UNIT, 'utf8')) ?? [];
  expect(codes?.split(' ').map(Number)).toEqual([EXIT.forGood]);
});
