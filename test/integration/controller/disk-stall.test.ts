import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { checkLinearizable } from '#libs/testing';
import { RegisterClient } from '../linearizability/register-client.ts';
import { OPERATOR } from './cluster-definition.ts';
import { ControllerProcesses } from './controller-processes.ts';
import { until } from './controllers.ts';
import { HangingDisk } from './hanging-disk.ts';
import { ask } from './http.ts';
import { RenewingGuard } from './renewing-guard.ts';

const LEASE_TTL_MS = 4_000;
/** More than a lease lasts, and twenty election timeouts. */
const HANG_MS = 8_000;
/** A member that campaigns on and on would raise the term by one each election timeout. */
const TERMS_MAX = 3;
const STUCK_MS = 1_000;
const CLIENTS = 3;
const WINDOW_MS = 500;
const ON_SLOW_DISKS = ['c1', 'c2'] as const;

describe('controllers whose disks hang', () => {
  let processes: ControllerProcesses;
  let guard: RenewingGuard;
  let clients: readonly RegisterClient[] = [];
  let work: Promise<unknown> = Promise.resolve();
  let over = false;
  const disks = new Map<string, HangingDisk>();

  beforeAll(async () => {
    processes = await ControllerProcesses.make();
    for (const name of ON_SLOW_DISKS) {
      const disk = new HangingDisk(processes.group.directoryOf(name));
      disks.set(name, disk);
      await disk.mount();
    }
    processes.startAll();
    await processes.leader();
    guard = await RenewingGuard.hold(processes, LEASE_TTL_MS);
    clients = Array.from({ length: CLIENTS }, (_, at) => {
      return new RegisterClient({
        ...{ name: `p${at}`, loyal: false, patienceMs: 1_000, prng: seededPrng(at + 1) },
      });
    });
    await Promise.all(clients.map((client) => client.connect(processes)));
    work = Promise.all(clients.map(keepBusy));
  });

  afterEach(async () => {
    for (const disk of disks.values()) await disk.goOn();
  });

  afterAll(async () => {
    over = true;
    for (const disk of disks.values()) await disk.goOn();
    await work;
    guard?.close();
    for (const client of clients) client.close();
    for (const name of processes.names) await processes.kill(name);
    for (const disk of disks.values()) await disk.unmount();
    await processes.close();
  });

  async function keepBusy(client: RegisterClient): Promise<void> {
    while (!over) await client.act(`k-${Math.floor(performance.now() / WINDOW_MS)}`);
  }

  const written = (): number =>
    clients.flatMap(({ history }) => history).filter(({ output }) => output?.type === 'written')
      .length;

  const disk = (name: string): HangingDisk => {
    const found = disks.get(name);
    if (found === undefined) throw new Error(`${name} has no disk that hangs`);
    return found;
  };

  /** So many more writes are acknowledged from now on. */
  async function untilWritten(more: number): Promise<void> {
    const before = written();
    await until(`${more} more writes`, () => written() >= before + more);
  }

  async function makeLead(name: string): Promise<void> {
    await until(`${name} leads`, async () => {
      const leader = await processes.leader();
      if (leader === name) return true;
      const path = '/api/v1/controllers/transfer-leader';
      await ask(processes.group, leader, {
        method: 'POST',
        path,
        body: { to: name },
        as: OPERATOR,
      });
      return false;
    });
    await untilWritten(5);
  }

  /** As the others see it, whoever of them leads. */
  async function seenByOthers(name: string) {
    for (const at of processes.names.filter((other) => other !== name)) {
      const seen = await processes.seats(at);
      const seat = seen?.controllers.find((each) => each.name === name);
      if (seen?.leader === at && seat !== undefined) return { ...seat, term: seen.term };
    }
    return undefined;
  }

  /** Its oldest write takes so long that no healthy disk on a busy machine does the like. */
  const untilStuck = (name: string) =>
    until(`the leader sees that the disk of ${name} hangs`, async () => {
      const seat = await seenByOthers(name);
      return seat !== undefined && (seat.writeStallMs ?? 0) > STUCK_MS && seat;
    });

  async function untilCaughtUp(name: string): Promise<void> {
    const target = (await processes.seats(await processes.leader()))?.commitIndex ?? 0;
    await until(`${name} has caught up`, async () => {
      return ((await seenByOthers(name))?.matchIndex ?? 0) >= target;
    });
  }

  async function expectNothingFalse(): Promise<void> {
    const leases = (await guard.events()).filter((type) => type.startsWith('Lease'));
    expect(leases).toEqual(['LeaseGranted']);
    const { renewed } = guard;
    await until('the guard is renewed', () => guard.renewed > renewed);
    for (const name of processes.names) expect(processes.isRunning(name)).toBe(true);
  }

  it('the leader’s: another one leads, one election and no more, it comes back', async () => {
    await makeLead('c1');
    const before = (await processes.seats('c1'))?.term ?? 0;
    const hungMs = performance.now();
    await disk('c1').hang();
    await until('another one leads', () => seenByOthers('c1'));
    const movedMs = performance.now() - hungMs;
    await untilWritten(10);
    expect((await untilStuck('c1')).disk).toBe('stalled');
    await pause(Math.max(0, HANG_MS - (performance.now() - hungMs)));
    const { term, reachable } = await until('seen', () => seenByOthers('c1'));
    expect(term).toBeGreaterThan(before);
    expect(term - before).toBeLessThanOrEqual(TERMS_MAX);
    expect(reachable).toBe(true);
    await disk('c1').goOn();
    await untilCaughtUp('c1');
    await makeLead('c1');
    await expectNothingFalse();
    console.info(`moved after ${Math.round(movedMs)} ms, terms ${before} to ${term}`);
  });

  it('a follower’s: nobody notices, it acknowledges nothing and catches up', async () => {
    await makeLead('c3');
    const before = (await processes.seats('c3'))?.term ?? 0;
    await disk('c1').hang();
    const hanging = await untilStuck('c1');
    await untilWritten(20);
    const later = await until('seen', () => seenByOthers('c1'));
    expect(later.matchIndex).toBe(hanging.matchIndex);
    expect(later.term - before).toBeLessThanOrEqual(TERMS_MAX);
    await disk('c1').goOn();
    await untilCaughtUp('c1');
    await expectNothingFalse();
  });

  it('a majority’s: nothing is acknowledged, the lease goes on, and so do all afterwards', async () => {
    await makeLead('c3');
    for (const name of ON_SLOW_DISKS) await disk(name).hang();
    for (const name of ON_SLOW_DISKS) await untilStuck(name);
    const before = written();
    const { renewed } = guard;
    await pause(LEASE_TTL_MS + 1_000);
    expect(written()).toBe(before);
    expect(guard.renewed).toBeGreaterThan(renewed);
    for (const name of ON_SLOW_DISKS) await disk(name).goOn();
    await untilWritten(10);
    for (const name of ON_SLOW_DISKS) await untilCaughtUp(name);
    await expectNothingFalse();
  });

  it('nothing that was answered is lost or stale', async () => {
    over = true;
    await work;
    const history = clients.flatMap((client) => client.history);
    console.info(`${history.length} operations, longest renewal gap ${guard.longestGapMs} ms`);
    expect(checkLinearizable(history)).toEqual({ kind: 'linearizable' });
  });
});
