import { describe, expect, it } from 'vitest';
import {
  endpointsOf,
  hasOwnPorts,
  placeOf,
  placeText,
  type RemotePrimary,
  samePrimary,
} from './remote-primary.ts';

const at = (host: string, port = 5432): RemotePrimary => ({ host, port, slot: null, user: null });

describe('where a remote primary accepts connections', () => {
  it.each([
    ['db1', ['db1:5432']],
    ['db1,db2', ['db1:5432', 'db2:5432']],
    ['db1:6000,db2', ['db1:6000', 'db2:5432']],
    ['fd00::1', ['fd00::1:5432']],
    ['fd00::1,10.0.0.1:6000', ['fd00::1:5432', '10.0.0.1:6000']],
    ['[fd00::1]:6000,[fd00::2]', ['fd00::1:6000', 'fd00::2:5432']],
  ])('%s', (host, expected) => {
    expect(endpointsOf(at(host)).map((one) => `${one.host}:${one.port}`)).toEqual(expected);
  });

  it('is written in one way, with ports only where they differ', () => {
    const written = (host: string, port?: number) => placeOf(endpointsOf(at(host, port)));
    expect(written('a:6000,b:6000')).toEqual({ host: 'a,b', port: 6000 });
    expect(written('a:6000,b')).toEqual({ host: 'a:6000,b:5432', port: 6000 });
    expect(written('fd00::1,[fd00::2]:6000')).toEqual({
      host: '[fd00::1]:5432,[fd00::2]:6000',
      port: 5432,
    });
    for (const host of ['a', 'a,b', 'a:1,b:2', 'fd00::1', '[fd00::1]:1,b:2']) {
      const once = written(host);
      expect(placeOf(endpointsOf(once))).toEqual(once);
    }
  });

  it('is the same however it was written, and another with another port', () => {
    expect(samePrimary(at('a:6000,b:6000'), at('a,b', 6000))).toBe(true);
    expect(samePrimary(at('a:6000,b'), at('a:6000,b:5433'))).toBe(false);
    expect([at('a,b'), at('a:1,b:1'), at('a:1,b:2')].map(hasOwnPorts)).toEqual([
      false,
      false,
      true,
    ]);
  });

  it.each([
    ['a', 'a:5432'],
    ['a,b', 'a,b:5432'],
    ['fd00::1', '[fd00::1]:5432'],
    ['a:1,b:2', 'a:1,b:2'],
  ])('%s is shown as %s', (host, text) => {
    expect(placeText(at(host))).toBe(text);
  });
});
