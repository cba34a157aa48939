import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Prng, seededPrng } from '#libs/kernel';
import { checkLinearizable, historyLines, type Operation } from '#libs/testing';
import { ControllerProcesses } from './controller/controller-processes.ts';
import {
  inflictOnLeader,
  LEADER_FAULTS,
  type LeaderFault,
} from './linearizability/leader-faults.ts';
import { RegisterClient } from './linearizability/register-client.ts';

const LONG = process.env['MATRIARCH_TEST_ALL'] === '1';
/** Each fault this often. */
const ROUNDS = LONG ? 8 : 1;
const SEED = Number(process.env['LINEARIZABILITY_SEED'] ?? 7);
const CLIENTS = 9;
/** Registers change their names this often, which bounds what the checker looks at at once. */
const WINDOW_MS = 1_000;
const KEYS = 2;
const IMPATIENT_MS = 250;
const PATIENT_MS = 5_000;
/** Long enough to ask somebody who does not answer, short enough to ask again during one fault. */
const LOYAL_MS = 400;
/** Nobody hangs up on a controller that sleeps: what it says when it wakes is what may be stale. */
const PATIENT_LINKS = { peerSilenceMs: 60_000 };
/** How long a fault lasts once another controller acknowledges writes. */
const HELD_ON_MS = 800;
const TEST_LIMIT_MS = 300_000;

/** All kinds, each in another order every round. */
function drawFaults(prng: Prng): readonly LeaderFault[] {
  return Array.from({ length: ROUNDS }, () => {
    const left = [...LEADER_FAULTS];
    return LEADER_FAULTS.flatMap(() => left.splice(prng.range(0, left.length - 1), 1));
  }).flat();
}

function newClient(at: number): RegisterClient {
  const name = `p${at}`;
  const prng = seededPrng(SEED * 100 + at);
  const loyal = at % 3 === 2;
  const patienceMs = loyal ? LOYAL_MS : at % 3 === 0 ? PATIENT_MS : IMPATIENT_MS;
  return new RegisterClient({ name, patienceMs, loyal, prng });
}

describe('three controllers whose leader is killed, stopped and cut off', () => {
  let processes: ControllerProcesses;
  let clients: readonly RegisterClient[] = [];

  beforeAll(async () => {
    processes = await ControllerProcesses.make();
    processes.startAll();
    clients = Array.from({ length: CLIENTS }, (_, at) => newClient(at));
    await Promise.all(clients.map((client) => client.connect(processes, PATIENT_LINKS)));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await processes.close();
  });

  it(
    'answer their clients as one register a key would',
    async () => {
      const startedMs = performance.now();
      let over = false;
      const prng = seededPrng(SEED);
      const work = async (client: RegisterClient): Promise<void> => {
        while (!over) {
          const window = Math.floor((performance.now() - startedMs) / WINDOW_MS);
          await client.act(`k${prng.range(1, KEYS)}-${window}`);
        }
      };
      /** Somebody leads who acknowledges what is sent from now on. */
      const untilWritten = async (): Promise<void> => {
        const before = clients.map(({ history }) => history.length);
        const goesOn = (client: RegisterClient, at: number): boolean =>
          client.history.slice(before[at]).some(({ output }) => output?.type === 'written');
        while (clients.filter(goesOn).length < CLIENTS / 3) await pause(20);
      };
      const faults = drawFaults(prng);
      const disturb = async (): Promise<void> => {
        try {
          for (const fault of faults) {
            await untilWritten();
            await inflictOnLeader(fault, await processes.leader(), processes, async () => {
              // The others go on, while some ask the old one still.
              await untilWritten();
              await pause(HELD_ON_MS);
            });
          }
          await untilWritten();
        } finally {
          over = true;
        }
      };
      await Promise.all([...clients.map(work), disturb()]);

      const history = clients.flatMap((client) => client.history);
      exportTo(process.env['LINEARIZABILITY_HISTORY'], history);
      const open = history.filter(({ output }) => output === null).length;
      console.info(
        `seed ${SEED}: ${history.length} operations, ${open} open; ${faults.join(', ')}`,
      );
      expect(checkLinearizable(history)).toEqual({ kind: 'linearizable' });
      expect(history.length).toBeGreaterThan(200);
      // A checker that calls everything linearizable would pass, too.
      expect(checkLinearizable(withWrongRead(history))).toMatchObject({ kind: 'violation' });
    },
    TEST_LIMIT_MS,
  );
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
