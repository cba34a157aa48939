import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupExistsError } from './founding.ts';
import { type AskedFounder, judgeFounding } from './judge-founding.ts';

const at = (name: string) => ({ name, address: { host: '10.0.0.1', port: 7_400 } });
const silent = (name: string): AskedFounder => ({ ...at(name), none: 'connect ECONNREFUSED' });
const says = (
  name: string,
  seat: 'free' | 'taken' | 'none' | 'empty',
  lastIndex = 0,
): AskedFounder => ({ ...at(name), answer: { seat, lastIndex } });

const kindOf = (asked: readonly AskedFounder[], without: readonly string[] = []) =>
  judgeFounding(asked, without).kind;

describe('a founder on an empty directory', () => {
  it('founds alone, and when every other is empty or has founded and written nothing', () => {
    expect(kindOf([])).toBe('found');
    expect(kindOf([says('c2', 'empty'), says('c3', 'empty')])).toBe('found');
    expect(kindOf([says('c2', 'empty'), says('c3', 'free')])).toBe('found');
  });

  it('waits for whoever has not answered, be it a majority that is empty', () => {
    const verdict = judgeFounding([says('c2', 'empty'), silent('c3')], []);
    expect(verdict).toMatchObject({ kind: 'wait', silent: ['c3'] });
    const four = ['c2', 'c3', 'c4'].map((name) => says(name, 'empty'));
    expect(kindOf([...four, silent('c5')])).toBe('wait');
  });

  it('does not wait for whom the operator answers, and hears it when it speaks all the same', () => {
    expect(kindOf([says('c2', 'empty'), silent('c3')], ['c3'])).toBe('found');
    expect(kindOf([says('c2', 'empty'), says('c3', 'taken', 9)], ['c3'])).toBe('refused');
  });

  it('is refused by one that knows its seat as taken, or the group without it', () => {
    const { known } = judgeFounding([says('c2', 'taken', 9), silent('c3')], []) as {
      known: readonly string[];
    };
    expect(known).toEqual([
      'c2 (10.0.0.1:7400) has its log up to 9, with another directory of this controller in it',
    ]);
    expect(judgeFounding([says('c2', 'none', 9), silent('c3')], [])).toMatchObject({
      ...{ kind: 'refused', isMember: false },
    });
  });

  it('is told the way out that it has: its directory, or a seat in the group that is there', () => {
    const told = (seat: 'taken' | 'none'): string => {
      const verdict = judgeFounding([says('c2', seat, 9)], []);
      if (verdict.kind !== 'refused') throw new Error(verdict.kind);
      return new GroupExistsError('c1', '/srv/c1', verdict).message;
    };
    expect(told('taken')).toContain('Start it on its directory of before');
    expect(told('none')).toContain('`matriarch controllers add c1 --address HOST:PORT`');
    // There is nothing that could be removed.
    expect(told('none')).not.toContain('controllers remove');
  });

  it('comes late to a group that a majority without it has founded', () => {
    expect(kindOf([says('c2', 'free', 9), says('c3', 'free', 9)])).toBe('found');
    expect(kindOf([says('c2', 'free', 9), silent('c3')])).toBe('wait');
    const three = ['c2', 'c3', 'c4'].map((name) => says(name, 'free', 9));
    expect(kindOf([...three, silent('c5')])).toBe('found');
  });

  it('waits when a log is there that a majority must have had, and does not', () => {
    expect(kindOf([says('c2', 'free', 9), says('c3', 'empty')])).toBe('wait');
  });
});

/**
 * A group that worked: a majority of its founders, this one among them or not, holds what was committed,
 * the record of each seat that took part included. Then disks are emptied and hosts go.
 */
it('never founds while a founder that is up or may come back has what was committed with this one', () => {
  const founders = fc.constantFrom(1, 3, 5, 7).chain((count) =>
    fc.array(fc.record({ holds: fc.boolean(), emptied: fc.boolean(), away: fc.boolean() }), {
      ...{ minLength: count - 1, maxLength: count - 1 },
    }),
  );
  fc.assert(
    fc.property(founders, (others) => {
      const majority = Math.floor((others.length + 1) / 2) + 1;
      // This one holds it, too, before its directory is emptied.
      fc.pre(others.filter(({ holds }) => holds).length + 1 >= majority);
      const asked = others.map(({ holds, emptied, away }, index): AskedFounder => {
        const name = `c${index + 2}`;
        if (away) return silent(name);
        if (emptied) return says(name, 'empty');
        return holds ? says(name, 'taken', 9) : says(name, 'free', 5);
      });
      const survives = others.some(({ holds, emptied }) => holds && !emptied);
      if (survives) expect(kindOf(asked)).not.toBe('found');
    }),
    { numRuns: 2_000 },
  );
});
