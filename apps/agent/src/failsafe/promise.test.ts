import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { epochMs, instanceName, monotonicMs } from '#libs/kernel';
import { runningCluster } from '#libs/testing';
import { createAuthority, issueCertificate, SignedNotes, TlsCredentials } from '#libs/transport';
import { PromiseFile } from '../state-directory/promise-file.ts';
import { PromiseDesk } from './promise-desk.ts';
import { PromiseRound, type PromiseRoundParts } from './promise-round.ts';

const NOW = () => epochMs(Date.now());
const notes = new Map<string, SignedNotes>();
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'matriarch-promise-'));
  const [ours, theirs] = [await authority('ours'), await authority('theirs')];
  for (const name of ['pg1', 'pg2', 'pg3']) notes.set(name, await notesOf(ours, `demo/${name}`));
  notes.set('stranger', await notesOf(theirs, 'demo/pg1'));
  notes.set('other cluster', await notesOf(ours, 'billing/pg1'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function authority(folder: string) {
  return await createAuthority({ directory: join(directory, folder), now: NOW() });
}

async function notesOf(of: Awaited<ReturnType<typeof authority>>, name: string) {
  const issued = await issueCertificate({
    authority: of,
    role: 'agent',
    name,
    hosts: ['127.0.0.1'],
    now: NOW(),
  });
  return new SignedNotes(await TlsCredentials.load(issued), NOW);
}

function signer(name: string): SignedNotes {
  const found = notes.get(name);
  if (found === undefined) throw new Error(`no certificate of ${name}`);
  return found;
}

/** A member's desk, with what its agent has on disk and has folded. */
class Member {
  readonly folder = mkdtempSync(join(directory, 'member-'));
  state: ClusterState | null = runningCluster({ failsafe: true }).state;
  detachedThroughEpoch = 0;
  nowMs = 1_000;
  desk = this.restarted();

  constructor(readonly name: string) {}

  restarted(): PromiseDesk {
    const now = () => ({ monotonicMs: monotonicMs(this.nowMs), bootMs: monotonicMs(this.nowMs) });
    this.desk = new PromiseDesk({
      instance: instanceName(this.name ?? 'pg2'),
      notes: signer(this.name ?? 'pg2'),
      file: new PromiseFile(this.folder),
      state: () => this.state,
      detachedThroughEpoch: () => this.detachedThroughEpoch,
      now,
      onPromised: () => undefined,
    });
    return this.desk;
  }
}

function ask(from: string, change: object = {}) {
  const note = { kind: 'ask', to: 'demo/pg2', epoch: 1, nonce: 5, ...change };
  return signer(from).sign(JSON.stringify(note));
}

describe('a member that is asked for a promise', () => {
  let member: Member;

  beforeEach(() => {
    member = new Member('pg2');
  });

  it('gives it to the holder of the epoch, signed, and is bound until it lapses', () => {
    const { text, from } = signer('pg1').read(member.desk.answer(ask('pg1')));
    expect(JSON.parse(text)).toEqual({ kind: 'promise', to: 'demo/pg1', epoch: 1, nonce: 5 });
    expect(from.name).toBe('demo/pg2');
    expect(member.desk.inForce()).toMatchObject({ epoch: 1 });
    member.nowMs += 3_100;
    expect(member.desk.inForce()).toBeNull();
  });

  it.each([
    ['a stranger asks in the holder’s name', 'stranger', {}, 'another authority'],
    ['the agent of another cluster asks', 'other cluster', {}, 'no member'],
    ['another member asks', 'pg3', {}, 'is held by pg1'],
    ['the note is for somebody else', 'pg1', { to: 'demo/pg3' }, 'nothing'],
    ['it is no question', 'pg1', { kind: 'promise' }, 'nothing'],
  ])('refuses when %s', (_when, from, change, why) => {
    expect(() => member.desk.answer(ask(from, change))).toThrow(why);
    expect(member.desk.inForce()).toBeNull();
  });

  it('refuses once it is detached from that primary, before and after', () => {
    member.detachedThroughEpoch = 1;
    expect(() => member.desk.answer(ask('pg1'))).toThrow('detached');
  });

  it('answers no note twice', () => {
    const note = ask('pg1');
    member.desk.answer(note);
    expect(() => member.desk.answer(note)).toThrow('answered before');
    expect(() => member.desk.answer(ask('pg1', { nonce: 6 }))).not.toThrow();
  });

  it('changed on its way, a note is nobody’s', () => {
    const note = ask('pg1');
    expect(() => member.desk.answer({ ...note, text: note.text.replace('5', '6') })).toThrow(
      'did not sign',
    );
  });

  it('behaves after a restart as if it had just promised, and never promised when it had not', () => {
    expect(member.restarted().inForce()).toBeNull();
    member.desk.answer(ask('pg1'));
    member.nowMs += 60_000;
    expect(member.desk.inForce()).toBeNull();
    expect(member.restarted().inForce()).toMatchObject({ epoch: 1 });
    member.nowMs += 3_100;
    expect(member.desk.inForce()).toBeNull();
  });

  it('is free at once when the holder gave the epoch back', () => {
    member.desk.answer(ask('pg1'));
    const scenario = runningCluster({ failsafe: true });
    member.state = scenario.releases('hand-over').state;
    expect(member.desk.inForce()).toBeNull();
  });
});

describe('a primary that asks its members', () => {
  const { state } = runningCluster({ failsafe: true });

  async function round(send: PromiseRoundParts['send']): Promise<readonly string[]> {
    const told: (readonly string[])[] = [];
    const log = { info: () => undefined, warn: () => undefined };
    const asking = new PromiseRound({
      cluster: 'demo',
      notes: signer('pg1'),
      state: () => state,
      send,
      tellGuard: ({ from }) => void told.push(from),
      log,
    });
    const members = ['pg2', 'pg3'];
    await asking.wanted({ type: 'promisesWanted', epoch: epochOne(), nonce: 9, members });
    return told[0] ?? ['nothing told'];
  }

  function epochOne() {
    if (state.lease.kind !== 'Held') throw new Error('held');
    return state.lease.epoch;
  }

  const desks = () => ({ pg2: new Member('pg2').restarted(), pg3: new Member('pg3').restarted() });

  it('tells its guard who promised', async () => {
    const members = desks();
    const send: PromiseRoundParts['send'] = async ({ host }, note) =>
      (host === 'pg2' ? members.pg2 : members.pg3).answer(note);
    expect(await round(send)).toEqual(['pg2', 'pg3']);
  });

  it('leaves out who does not answer', async () => {
    const members = desks();
    expect(
      await round(async ({ host }, note) => {
        if (host === 'pg3') throw new Error('no answer in time');
        return members.pg2.answer(note);
      }),
    ).toEqual(['pg2']);
  });

  it('takes no promise of one member for that of another', async () => {
    const members = desks();
    const promise = members.pg2.answer(ask('pg1', { nonce: 9 }));
    expect(await round(async () => promise)).toEqual(['pg2']);
  });

  it('takes no promise that was given for another question', async () => {
    const members = desks();
    const promise = members.pg2.answer(ask('pg1', { nonce: 8 }));
    expect(await round(async () => promise)).toEqual([]);
  });
});
