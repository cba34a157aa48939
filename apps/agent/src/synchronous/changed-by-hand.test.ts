import { describe, expect, it } from 'vitest';
import { changedByHand } from './changed-by-hand.ts';

const PROVED = { text: 'FIRST 1 ("demo/pg2/0001")' };
const AUTO = '/data/postgresql.auto.conf';
const OURS = '/data/matriarch.conf';

function inForce(value: string, sourceFile: string | undefined) {
  const given = sourceFile === undefined ? { value } : { value, sourceFile };
  return { settings: { synchronous_standby_names: given } };
}

describe('what commits wait for, changed by hand', () => {
  it.each([
    ['is told with the file that sets it', 'x', AUTO, `is 'x' by ${AUTO}, not '${PROVED.text}'`],
    ['also where it is the same for now', PROVED.text, AUTO, `by ${AUTO}`],
    ['also where a line of ours was taken out', '', undefined, "is '' by its default"],
  ])('%s', (_name, value, file, expected) => {
    expect(changedByHand(inForce(value, file), PROVED)).toContain(expected);
  });

  it('is not what was proved, nor anything before a proof', () => {
    expect(changedByHand(inForce(PROVED.text, OURS), PROVED)).toBeNull();
    expect(changedByHand(inForce('x', AUTO), null)).toBeNull();
    expect(changedByHand({ settings: {} }, PROVED)).toBeNull();
  });

  it('says nothing where commits wait for nobody, as it was proved', () => {
    expect(changedByHand(inForce('', OURS), { text: '' })).toBeNull();
  });
});
