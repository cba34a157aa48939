import { describe, expect, it } from 'vitest';
import { RefusedError, UsageError } from '../cli-error.ts';
import { editUntilTaken } from './edit-until-taken.ts';

/** A person who makes one of these after another of what is offered. */
function person(...edits: ((text: string) => string)[]) {
  const offered: string[] = [];
  const edit = (text: string): Promise<string> => {
    const made = edits[offered.length] ?? ((same: string) => same);
    offered.push(text);
    return Promise.resolve(made(text));
  };
  return { offered, edit };
}

const WRONG = new UsageError("'work_mem' is wrong");
const take = (text: string): Promise<string> =>
  text.includes('bad') ? Promise.reject(WRONG) : Promise.resolve(`took ${text}`);

describe('a text that is edited until it is taken', () => {
  it.each([
    ['as it was', (text: string) => text],
    ['empty', () => ''],
    ['with comments alone', () => '# work_mem: 4MB\n\n'],
  ])('is given up when it comes back %s', async (_how, edit) => {
    expect(await editUntilTaken('work_mem: 4MB\n', { ...person(edit), take })).toBeNull();
  });

  it('comes back with the reason and what was written, until it is right', async () => {
    const { offered, edit } = person(
      () => 'bad: 1\nmine: 2\n',
      (text) => text.replace('bad', 'worse bad'),
      (text) => text.replace('worse bad', 'good'),
    );
    expect(await editUntilTaken('mine: 1\n', { edit, take })).toBe(
      "took # not taken: 'work_mem' is wrong\ngood: 1\nmine: 2\n",
    );
    expect(offered.slice(1)).toEqual([
      "# not taken: 'work_mem' is wrong\nbad: 1\nmine: 2\n",
      "# not taken: 'work_mem' is wrong\nworse bad: 1\nmine: 2\n",
    ]);
  });

  it('ends with the reason when that is left as it is', async () => {
    const { offered, edit } = person(() => 'bad: 1\n');
    await expect(editUntilTaken('', { edit, take })).rejects.toBe(WRONG);
    expect(offered).toHaveLength(2);
  });

  it('is not offered again when somebody else changed the configuration meanwhile', async () => {
    const changed = new RefusedError('OPERATION_REFUSED', 'revision 2', ['revision-changed']);
    const { offered, edit } = person(() => 'mine: 2\n');
    const refuse = (): Promise<never> => Promise.reject(changed);
    await expect(editUntilTaken('', { edit, take: refuse })).rejects.toBe(changed);
    expect(offered).toHaveLength(1);
  });
});
