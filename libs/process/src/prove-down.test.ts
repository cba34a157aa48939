import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InstanceProcess, ProcessScan } from './instance-processes.ts';
import { proveDown } from './prove-down.ts';
import { parseAttachments } from './shared-memory.ts';

const PID_FILE = '4194000\n/data\n1700000000\n5432\n/run\nlocalhost\n  5432001   12345\nready   \n';
const BACKEND: InstanceProcess = {
  pid: 7,
  startTicks: 1,
  command: 'postgres',
  state: 'R',
  parentPid: 1,
  title: 'postgres: app app [local] DO',
};

function found(scan: Partial<ProcessScan>) {
  return {
    scan: (): ProcessScan => ({ processes: [], unreadable: [], ...scan }),
    startTicks: (): number | undefined => undefined,
  };
}

describe('proveDown', () => {
  let directory: string;
  let pidFile: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'mtpg-'));
    pidFile = join(directory, 'postmaster.pid');
    writeFileSync(pidFile, PID_FILE);
  });

  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([
    {
      why: 'a backend lives',
      scan: { processes: [BACKEND] },
      attached: 0,
      kind: 'processes-alive',
    },
    { why: 'one hides', scan: { unreadable: [9] }, attached: 0, kind: 'processes-unreadable' },
    { why: 'its memory is in use', scan: {}, attached: 1, kind: 'shared-memory-attached' },
  ])('is not proved when $why, and the file stays', ({ scan, attached, kind }) => {
    const attachments = (shmId: number): number => (shmId === 12345 ? attached : 0);
    expect(proveDown(directory, { processes: found(scan), attachments }).kind).toBe(kind);
    expect(existsSync(pidFile)).toBe(true);
  });

  it('is proved when nothing is left, and removes the file once', () => {
    const evidence = { processes: found({}), attachments: () => 0 };
    expect(proveDown(directory, evidence)).toEqual({ kind: 'down', stalePidFileRemoved: true });
    expect(existsSync(pidFile)).toBe(false);
    expect(proveDown(directory, evidence)).toEqual({ kind: 'down', stalePidFileRemoved: false });
  });

  it('leaves the file of a postmaster that started meanwhile', () => {
    const processes = {
      ...found({}),
      scan: (): ProcessScan => {
        writeFileSync(pidFile, PID_FILE.replace('1700000000', '1700000001'));
        return { processes: [], unreadable: [] };
      },
    };
    const proof = proveDown(directory, { processes, attachments: () => 0 });
    expect(proof).toEqual({ kind: 'down', stalePidFileRemoved: false });
    expect(existsSync(pidFile)).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)('is proved also where the file cannot be removed', () => {
    chmodSync(directory, 0o555);
    process.seteuid?.(65_534);
    try {
      const proof = proveDown(directory, { processes: found({}), attachments: () => 0 });
      expect(proof).toEqual({ kind: 'down', stalePidFileRemoved: false });
    } finally {
      process.seteuid?.(0);
    }
    expect(existsSync(pidFile)).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)('is proved also where the directory is closed to us', () => {
    chmodSync(directory, 0o700);
    process.seteuid?.(65_534);
    try {
      const alive = proveDown(directory, { processes: found({ processes: [BACKEND] }) });
      expect(alive.kind).toBe('processes-alive');
      const proof = proveDown(directory, { processes: found({}), attachments: () => 0 });
      expect(proof).toEqual({ kind: 'down', stalePidFileRemoved: false });
    } finally {
      process.seteuid?.(0);
    }
  });

  it('looks at this host when it is given nothing else', () => {
    expect(proveDown(directory)).toEqual({ kind: 'down', stalePidFileRemoved: true });
  });
});

describe('parseAttachments', () => {
  const table = [
    '       key      shmid perms                  size  cpid  lpid nattch   uid   gid',
    '   5432001      12345   600                    56  1000  1001      6   101   104',
    '         0          7   600                    56  1000  1001      2   101   104',
    '',
  ].join('\n');
  it.each([
    { shmId: 12345, attachments: 6 },
    { shmId: 7, attachments: 2 },
    { shmId: 0, attachments: 0 },
    { shmId: 99, attachments: 0 },
  ])('segment $shmId has $attachments', ({ shmId, attachments }) => {
    expect(parseAttachments(table, shmId)).toBe(attachments);
  });
});
