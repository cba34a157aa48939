import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterName, instanceName } from '#libs/kernel';
import { parsePostmasterPid } from './postmaster-pid.ts';
import { postgresProcessKind } from './process-title.ts';
import { applicationNameOf, slotNameOf } from './replication-names.ts';
import { parseServerVersion, serverVersionFromNum } from './server-version.ts';

const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,39}$/);

describe('names in replication', () => {
  it('are allowed by PostgreSQL and not cut by it, whatever ours are', () => {
    fc.assert(
      fc.property(
        name,
        name,
        fc.stringMatching(/^[a-z0-9]{4,16}$/),
        (cluster, instance, dataId) => {
          const parts = { cluster: clusterName(cluster), instance: instanceName(instance), dataId };
          const application = applicationNameOf(parts);
          expect(application.length).toBeLessThanOrEqual(63);
          expect(application.endsWith(`/${dataId}`)).toBe(true);
          expect(slotNameOf(parts.instance)).toMatch(/^[a-z0-9_]{1,63}$/);
        },
      ),
    );
  });

  it('differ when ours do, also where they had to be shortened (safety 14)', () => {
    const long = 'a'.repeat(39);
    const of = (instance: string, dataId = 'abcd1234') =>
      applicationNameOf({ cluster: clusterName(long), instance: instanceName(instance), dataId });
    expect(of(`${long}1`)).not.toBe(of(`${long}2`));
    expect(of('pg1', 'aaaa')).not.toBe(of('pg1', 'bbbb'));
    expect(slotNameOf(instanceName('a-b'))).not.toBe(slotNameOf(instanceName('a_b')));
    expect(slotNameOf(instanceName('pg1'))).toBe('pg1');
  });

  it('need a data id', () => {
    const parts = { cluster: clusterName('c'), instance: instanceName('i') };
    expect(() => applicationNameOf({ ...parts, dataId: 'A/b' })).toThrow('no data id');
  });
});

describe('server versions', () => {
  it.each([
    { text: 'postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)', major: 15, minor: 18 },
    { text: '12.22', major: 12, minor: 22 },
    { text: 'postgres (PostgreSQL) 18rc1', major: 18, minor: 0 },
    { text: '17\n', major: 17, minor: 0 },
  ])('$text', ({ text, major, minor }) => {
    expect(parseServerVersion(text)).toEqual({ major, minor });
  });

  it.each([{ text: '11.22' }, { text: '19.0' }, { text: 'MySQL' }])('refuses $text', ({ text }) => {
    expect(() => parseServerVersion(text)).toThrow('not supported');
  });

  it('come as a number too', () => {
    expect(serverVersionFromNum(150_018)).toEqual({ major: 15, minor: 18 });
  });
});

describe('process titles', () => {
  it.each([
    { title: 'postgres: walreceiver streaming 0/3000148', kind: 'walreceiver' },
    { title: 'postgres: pg1: walreceiver ', kind: 'walreceiver' },
    { title: 'postgres: my: name: walreceiver   streaming 0/3000148', kind: 'walreceiver' },
    { title: 'postgres: pg1: startup recovering 000000010000000000000003', kind: 'startup' },
    { title: 'postgres: pg1: walsender rep 10.0.0.1(1) streaming', kind: 'walsender' },
    { title: 'postgres: pg1: app app [local] idle', kind: 'other' },
    { title: '/usr/lib/postgresql/15/bin/postgres -D /data', kind: 'postmaster' },
  ])('$title', ({ title, kind }) => {
    expect(postgresProcessKind(title)).toBe(kind);
  });
});

describe('postmaster.pid', () => {
  it('is read whole', () => {
    const text = '123\n/data\n1700000000\n5432\n/run\nlocalhost\n  5432001     98304\nstandby \n';
    expect(parsePostmasterPid(text)).toEqual({
      pid: 123,
      dataDirectory: '/data',
      startedAtSeconds: 1_700_000_000,
      port: 5432,
      socketDirectory: '/run',
      listenAddress: 'localhost',
      shmId: 98_304,
      status: 'standby',
    });
  });

  it('is read while the start goes on, and of a single-user server', () => {
    const expected = { pid: 123, dataDirectory: '/data', startedAtSeconds: 1_700_000_000 };
    expect(parsePostmasterPid('123\n/data\n1700000000\n5432\n\n\n')).toMatchObject(expected);
    expect(parsePostmasterPid('-123\n/data\n1700000000\n')).toEqual(expected);
    expect(parsePostmasterPid('')).toBeUndefined();
    expect(parsePostmasterPid('12')).toBeUndefined();
  });
});
