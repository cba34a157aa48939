import { afterEach, describe, expect, it } from 'vitest';
import type { SqlSession } from '#libs/postgres-run';
import { WriteProbe } from './write-probe.ts';

const PID = 4_711;
const LOOK_MS = 400;

type Answer = (outcome: unknown) => void;

/** A server whose answers come when the test says so, and a clock that it turns. */
class Rig {
  readonly writes: Answer[] = [];
  readonly calls: Answer[] = [];
  readonly warnings: string[] = [];
  closed = 0;
  nowMs = 1_000_000;
  readonly probe = new WriteProbe({
    session: () => this.#session,
    callPostmaster: () =>
      new Promise<boolean>((resolve) => this.calls.push((answered) => resolve(answered === true))),
    nowMs: () => this.nowMs,
    log: { warn: (message) => this.warnings.push(message) },
  });
  readonly #session = {
    query: () =>
      new Promise((resolve, reject) =>
        this.writes.push((outcome) =>
          outcome instanceof Error ? reject(outcome) : resolve([{ outcome }]),
        ),
      ),
    close: () => {
      this.closed += 1;
    },
  } as unknown as SqlSession;

  /** Looks for this long; what was answered meanwhile is heard. */
  async looks(forMs: number, pid: number | null = PID): Promise<void> {
    for (let ms = 0; ms < forMs; ms += LOOK_MS) {
      this.probe.turn(pid);
      this.nowMs += LOOK_MS;
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  answerAll(): void {
    for (const answer of this.writes.splice(0)) answer('0/1');
    for (const answer of this.calls.splice(0)) answer(true);
  }
}

describe('the write probe of a primary', () => {
  let rig = new Rig();
  afterEach(() => {
    rig = new Rig();
  });

  it('asks every five seconds while all is answered, and reports nothing', async () => {
    for (let look = 0; look < 50; look += 1) {
      await rig.looks(LOOK_MS);
      rig.answerAll();
    }
    expect(rig.probe.stall).toBeNull();
    expect(rig.nowMs - 1_000_000).toBe(20_000);
    await rig.looks(LOOK_MS);
    expect(rig.writes.length).toBeLessThanOrEqual(1);
    expect(rig.warnings).toEqual([]);
  });

  it('tells how long a record does not get to disk, asks no second one, and hears the end', async () => {
    await rig.looks(LOOK_MS);
    rig.calls.shift()?.(true);
    for (let look = 0; look < 30; look += 1) {
      await rig.looks(LOOK_MS);
      for (const answer of rig.calls.splice(0)) answer(true);
    }
    expect(rig.writes).toHaveLength(1);
    expect(rig.probe.stall).toMatchObject({ of: 'wal-flush' });
    expect(rig.probe.stall?.forMs).toBeGreaterThanOrEqual(11_600);
    rig.answerAll();
    await rig.looks(LOOK_MS);
    expect(rig.probe.stall).toBeNull();
    expect(rig.warnings).toEqual(['the primary stalled, and goes on']);
  });

  it('calls a postmaster that does not answer again and again, and one answer is enough', async () => {
    for (let look = 0; look < 30; look += 1) {
      await rig.looks(LOOK_MS);
      for (const answer of rig.writes.splice(0)) answer('0/1');
      for (const answer of rig.calls.splice(0)) answer(false);
    }
    expect(rig.probe.stall).toMatchObject({ of: 'connections' });
    expect(rig.probe.stall?.forMs).toBeGreaterThanOrEqual(10_000);
    for (let look = 0; look < 10; look += 1) {
      await rig.looks(LOOK_MS);
      rig.answerAll();
    }
    expect(rig.probe.stall).toBeNull();
  });

  it('takes a refusal and a broken connection for an answer', async () => {
    await rig.looks(LOOK_MS);
    rig.calls.shift()?.(true);
    rig.writes.shift()?.(new Error('sorry, too many clients already'));
    await rig.looks(4_000);
    expect(rig.probe.stall).toBeNull();
  });

  it('does not take its own sleep for one of the server', async () => {
    await rig.looks(LOOK_MS);
    // SIGSTOP of the agent: what was answered meanwhile is read after its timers.
    rig.nowMs += 60_000;
    await rig.looks(LOOK_MS);
    expect(rig.probe.stall?.forMs ?? 0).toBeLessThan(3_000);
  });

  it('forgets what it asked of a postmaster that is gone, and asks no standby', async () => {
    await rig.looks(12_000);
    expect(rig.probe.stall).not.toBeNull();
    await rig.looks(LOOK_MS, null);
    expect(rig.probe.stall).toBeNull();
    expect(rig.closed).toBeGreaterThan(0);
    rig.writes.length = 0;
    await rig.looks(20_000, null);
    expect(rig.writes).toEqual([]);
    await rig.looks(LOOK_MS, PID + 1);
    expect(rig.writes).toHaveLength(1);
  });
});
