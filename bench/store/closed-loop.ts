import { percentile } from './percentile.ts';
import type { StoreClients } from './store.ts';

export type Load = {
  readonly clients: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Processor time that the three members have used so far. */
  readonly membersCpuMs: () => number;
};

export type Measured = {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of this process, in percent of one core. */
  readonly clientCpuPercent: number;
  /** Processor time of the three members per committed command: load of the machine plays no part. */
  readonly membersCpuUs: number;
};

const VALUE_BYTES = 256;
const KEYS = 10_000;

/** Each client sends its next value as soon as its last one was answered. */
export async function closedLoop(store: StoreClients, load: Load): Promise<Measured> {
  const value = new Uint8Array(VALUE_BYTES).map((_, at) => (at * 7) & 0xff);
  const latenciesMs: number[] = [];
  let measuring = false;
  let stopped = false;
  let next = 0;
  const loops = Array.from({ length: load.clients }, (_, client) => {
    return new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        if (stopped) {
          resolve();
          return;
        }
        next += 1;
        const key = `bench/${(next * 7_919) % KEYS}`;
        const sentMs = performance.now();
        store.put(client, key, value, (error) => {
          if (error !== null) {
            reject(error);
            return;
          }
          if (measuring) latenciesMs.push(performance.now() - sentMs);
          turn();
        });
      };
      turn();
    });
  });
  const all = Promise.all(loops);
  await Promise.race([elapsed(load.warmUpSeconds), all]);
  measuring = true;
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  const membersBeforeMs = load.membersCpuMs();
  await Promise.race([elapsed(load.seconds), all]);
  measuring = false;
  const seconds = (performance.now() - startedMs) / 1_000;
  const used = process.cpuUsage(cpu);
  const membersMs = load.membersCpuMs() - membersBeforeMs;
  stopped = true;
  await all;
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  return {
    perSecond: Math.round(sorted.length / seconds),
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    clientCpuPercent: Math.round((used.user + used.system) / (seconds * 10_000)),
    membersCpuUs: Math.round((membersMs * 1_000) / Math.max(1, sorted.length)),
  };
}

function elapsed(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
