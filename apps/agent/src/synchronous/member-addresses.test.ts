import { describe, expect, it } from 'vitest';
import { epochMs } from '#libs/kernel';
import { MemberAddresses } from './member-addresses.ts';

const member = { postgres: { host: 'pg2.example', port: 5432 } };
const from = (clientAddress: string, connectedAt = 0) => ({
  ...{ clientAddress, connectedAt: epochMs(connectedAt) },
});
const turn = () => new Promise(setImmediate);

/** A resolver that answers when it is told to. */
function resolver() {
  const asked: {
    readonly host: string;
    answer(addresses: readonly string[] | Error): Promise<void>;
  }[] = [];
  let nowMs = 10_000;
  const resolve = (host: string) =>
    new Promise<readonly string[]>((resolved, rejected) => {
      const answer = async (addresses: readonly string[] | Error): Promise<void> => {
        if (addresses instanceof Error) rejected(addresses);
        else resolved(addresses);
        await turn();
      };
      asked.push({ host, answer });
    });
  const addresses = new MemberAddresses(resolve, () => nowMs);
  const last = () => {
    const asking = asked.at(-1);
    if (asking === undefined) throw new Error('nobody was asked');
    return asking;
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { addresses, asked, last, pass };
}

describe('the address of a walsender', () => {
  it.each([
    ['10.0.0.2', '10.0.0.2', 'own'],
    ['10.0.0.2', '::ffff:10.0.0.2', 'own'],
    ['10.0.0.2', '10.0.0.9', 'foreign'],
    ['FE80::2', 'fe80::2', 'own'],
  ])('of a member at %s, from %s: %s', (host, seen, fit) => {
    const { addresses, asked } = resolver();
    const known = { postgres: { host, port: 5432 } };
    addresses.look(known, [from(seen)]);
    expect(addresses.fit(known, from(seen))).toBe(fit);
    expect(asked).toEqual([]);
  });

  it('is compared with what the name of the member stands for, once that is known', async () => {
    const { addresses, last } = resolver();
    addresses.look(member, [from('10.0.0.9')]);
    expect(addresses.fit(member, from('10.0.0.9'))).toBe('unknown');
    await last().answer(['10.0.0.2']);
    expect(addresses.fit(member, from('10.0.0.9'))).toBe('foreign');
    expect(addresses.fit(member, from('10.0.0.2'))).toBe('own');
  });

  it('is not foreign by an answer that is older than the connection: the member may have moved', async () => {
    const { addresses, asked, last, pass } = resolver();
    addresses.look(member, [from('10.0.0.2')]);
    await last().answer(['10.0.0.2']);
    pass(3_000);
    const moved = from('10.0.0.7', 12_000);
    expect(addresses.fit(member, moved)).toBe('unknown');
    addresses.look(member, [moved]);
    expect(asked).toHaveLength(2);
    await last().answer(['10.0.0.7']);
    expect(addresses.fit(member, moved)).toBe('own');
  });

  it('is not asked for while a resolver hangs, nor more often than is of use; one that fails ends nothing', async () => {
    const { addresses, asked, last, pass } = resolver();
    addresses.look(member, [from('10.0.0.2')]);
    pass(100_000);
    const other = { postgres: { host: 'pg3.example', port: 5432 } };
    addresses.look(other, [from('10.0.0.3')]);
    addresses.look(member, [from('10.0.0.2')]);
    expect(asked).toHaveLength(1);
    await last().answer(['10.0.0.2']);
    pass(100);
    addresses.look(member, [from('10.0.0.2')]);
    expect(asked).toHaveLength(2);
    await last().answer(new Error('SERVFAIL'));
    expect(addresses.fit(member, from('10.0.0.2'))).toBe('own');
    pass(29_000);
    addresses.look(member, [from('10.0.0.2')]);
    expect(asked).toHaveLength(2);
  });

  it.each([
    [['127.0.1.1'], 'own'],
    [['10.0.0.2'], 'unknown'],
  ])('from this very host, where the name stands for %s: %s', async (stands, fit) => {
    const { addresses, last } = resolver();
    addresses.look(member, [from('127.0.0.1')]);
    await last().answer(stands);
    expect(addresses.fit(member, from('127.0.0.1'))).toBe(fit);
  });

  it('over a Unix socket tells nothing', () => {
    expect(new MemberAddresses().fit(member, { connectedAt: epochMs(0) })).toBe('unknown');
  });
});
