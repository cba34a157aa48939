import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { checkLinearizable, historyLines, type Operation } from '#libs/testing';
import { ControllerProcesses } from './linearizability/controller-processes.ts';
import { RegisterClient } from './linearizability/register-client.ts';

const CLIENTS = 6;
const RUN_MS = 10_000;
const KILL_EVERY_MS = 2_500;
const DOWN_MS = 700;
/** Registers change their names so often, which bounds what the checker looks at at once. */
const WINDOW_MS = 500;
const KEYS = 2;
const IMPATIENT_MS = 250;
const PATIENT_MS = 5_000;

describe('three controllers of which the leader is killed again and again', () => {
  let processes: ControllerProcesses;
  let clients: readonly RegisterClient[] = [];

  beforeAll(async () => {
    processes = await ControllerProcesses.start();
    clients = Array.from({ length: CLIENTS }, (_, at) => {
      const patienceMs = at % 2 === 0 ? PATIENT_MS : IMPATIENT_MS;
      return new RegisterClient({ name: `p${at}`, patienceMs, prng: seededPrng(at + 1) });
    });
    await Promise.all(clients.map((client) => client.connect(processes)));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await processes.close();
  });

  it('answer their clients as one register a key would', async () => {
    const startedMs = performance.now();
    const elapsedMs = (): number => performance.now() - startedMs;
    const prng = seededPrng(7);
    const work = async (client: RegisterClient): Promise<void> => {
      while (elapsedMs() < RUN_MS) {
        await client.act(`k${prng.range(1, KEYS)}-${Math.floor(elapsedMs() / WINDOW_MS)}`);
      }
    };
    let kills = 0;
    const killLeaders = async (): Promise<void> => {
      for (; elapsedMs() < RUN_MS - KILL_EVERY_MS; kills += 1) {
        await pause(KILL_EVERY_MS);
        const leader = prng.pick(clients).target;
        await processes.kill(leader);
        await pause(DOWN_MS);
        processes.start(leader);
      }
    };
    await Promise.all([...clients.map(work), killLeaders()]);

    const history = clients.flatMap((client) => client.history);
    exportTo(process.env['LINEARIZABILITY_HISTORY'], history);
    const open = history.filter(({ output }) => output === null).length;
    console.info(`${history.length} operations, ${open} open, ${kills} leaders killed`);
    expect(checkLinearizable(history)).toEqual({ kind: 'linearizable' });
    expect(kills).toBeGreaterThanOrEqual(2);
    expect(history.length).toBeGreaterThan(200);
    // A checker that calls everything linearizable would pass, too.
    expect(checkLinearizable(withWrongRead(history))).toMatchObject({ kind: 'violation' });
  });
});

/** The last read saw a value that nobody wrote. */
function withWrongRead(history: readonly Operation[]): readonly Operation[] {
  const at = history.findLastIndex(({ output }) => output?.type === 'read');
  const output = { type: 'read', value: 'never written' } as const;
  return history.map((operation, place) => (place === at ? { ...operation, output } : operation));
}

function exportTo(file: string | undefined, history: readonly Operation[]): void {
  if (file === undefined) return;
  writeFileSync(file, historyLines([...history].sort((a, b) => a.callNs - b.callNs)));
}
