import { beforeEach, describe, expect, it } from 'vitest';
import { isOtherDirectory } from '#libs/protocol';
import { Strays } from './strays.ts';

const SEAT = 'own.1';
let connected: string | null;
let said: unknown[];
let told: boolean;
let strays: Strays;

beforeEach(() => {
  connected = null;
  said = [];
  told = false;
  const silent = () => undefined;
  strays = new Strays({
    incarnationOf: () => connected,
    isTold: () => told,
    isTaken: (_, incarnation) => isOtherDirectory(SEAT, incarnation),
    log: { info: silent, warn: silent, error: (_, fields) => void said.push(fields) },
  });
});

function meets(incarnation: string | null): boolean {
  connected = incarnation;
  strays.connected(3);
  return strays.has(3);
}

describe('a member on another directory than the one of its seat', () => {
  it('is noted once, until it is met on its own', () => {
    strays.came(3, 'c3');
    strays.came(3, 'c3');
    expect(said).toEqual([{ id: 3, name: 'c3' }]);
    expect(meets('own.2')).toBe(false);
  });

  it('stays noted while who answers at its address has no directory yet, or another one', () => {
    strays.came(3, 'c3');
    expect(meets('2')).toBe(true);
    expect(meets('emptied.3')).toBe(true);
  });

  it('is noted while a process without a directory, or the stray itself, is connected', () => {
    connected = '2';
    strays.came(3, 'c3');
    connected = 'emptied.3';
    strays.came(4, 'c4');
    expect([strays.has(3), strays.has(4)]).toEqual([true, true]);
  });

  it('is one that another controller met, until it is met on its own here', () => {
    told = true;
    expect(meets(null)).toBe(true);
    expect(meets('emptied.3')).toBe(true);
    expect(meets('own.2')).toBe(false);
    // What was only heard is not passed on: nobody would ever take it back.
    expect(strays.seen).toEqual([]);
  });

  it('is none while the right one is connected: somebody else goes by its name', () => {
    connected = 'own.1';
    strays.came(3, 'c3');
    expect(strays.has(3)).toBe(false);
  });
});
