import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packCommand } from '#libs/event-store';
import {
  decode,
  encode,
  packSessionRequest,
  SessionFrame,
  type SessionRequest,
  unpackSessionAnswer,
} from '#libs/protocol';
import type { PeerLink } from '#libs/transport';
import { STORE_PORTS } from '../../apps/controller/src/raft-host/load-event-store.ts';
import { ControllerProcesses } from './controller/controller-processes.ts';
import { ask } from './controller/http.ts';
import { until } from './until.ts';

const VALUE_BYTES = 1_500;
/** 72 MB of state: the quickest disk and link here take several turns for it. */
const REGISTERS = 48_000;
/** More than what is kept of the log: who lacks them needs a snapshot. */
const WRITES = 66_000;
const IN_FLIGHT = 256;
/** Time to connect and to send some pieces: the whole snapshot does not pass at once. */
const HELD_MS = 700;
const CUT_MS = 700;
const CUTS_MAX = 90;
const AWAY_LIMIT_MS = 180_000;
const TEST_LIMIT_MS = 400_000;

/** One session at one controller; its registers turn round. */
class Writer {
  readonly acknowledgedMs: number[] = [];
  refused = 0;
  #link: PeerLink | null = null;
  #session = 0;
  #sequence = 0;
  readonly #waiting = new Map<number, () => void>();
  #opened: (session: number) => void = () => undefined;

  async connect(processes: ControllerProcesses, to: string): Promise<void> {
    this.#link = await processes.link(to, (type, body) => {
      if (type === SessionFrame.answer) this.#answered(body);
    });
    const opened = new Promise<number>((resolve) => {
      this.#opened = resolve;
    });
    await until(() => this.#link?.state === 'up', 20_000);
    this.#send({ type: 'open', id: 0, token: 'writer' });
    this.#session = await opened;
  }

  async write(): Promise<void> {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const key = `register-${sequence % REGISTERS}`;
    const value = Buffer.alloc(VALUE_BYTES, sequence & 0xff);
    const body = packCommand(STORE_PORTS, { type: 'put', key, value, expectedRevision: null });
    const answeredTo = Math.max(0, sequence - 1_000);
    const answer = new Promise<void>((resolve) => this.#waiting.set(sequence, resolve));
    this.#send({
      ...{ type: 'command', id: sequence, session: this.#session, sequence, body, answeredTo },
    });
    await answer;
  }

  async flood(count: number): Promise<void> {
    let left = count;
    const work = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await this.write();
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  }

  close(): void {
    this.#link?.stop();
  }

  #send(request: SessionRequest): void {
    this.#link?.send(SessionFrame.request, encode(packSessionRequest(request)));
  }

  #answered(body: Uint8Array): void {
    const answer = unpackSessionAnswer(decode(body));
    if (answer.type === 'opened') this.#opened(answer.session);
    else if (answer.type === 'result') this.acknowledgedMs.push(performance.now());
    else this.refused += 1;
    this.#waiting.get(answer.id)?.();
    this.#waiting.delete(answer.id);
  }
}

describe('a follower that was away while 72 MB were written', () => {
  let processes: ControllerProcesses;
  const writer = new Writer();

  beforeAll(async () => {
    processes = await ControllerProcesses.make();
    processes.startAll();
  }, TEST_LIMIT_MS);

  afterAll(async () => {
    writer.close();
    await processes.close();
  });

  async function metric(at: string, name: string): Promise<number | null> {
    try {
      const { body } = await ask(processes.group, at, { method: 'GET', path: '/metrics' });
      const line = body.split('\n').find((each) => each.startsWith(`${name} `));
      return line === undefined ? null : Number(line.slice(name.length));
    } catch {
      return null;
    }
  }

  it(
    'catches up over a link that is cut again and again, and disturbs nobody',
    async () => {
      const leader = await processes.leader();
      const [away = '', other = ''] = processes.names.filter((name) => name !== leader);
      await writer.connect(processes, leader);
      await writer.write();
      const term = await metric(leader, 'matriarch_raft_term');
      await processes.kill(away);
      await writer.flood(WRITES);

      const from = writer.acknowledgedMs.length;
      let over = false;
      const steady = (async () => {
        while (!over) {
          await writer.write();
          await pause(5);
        }
      })();
      processes.start(away);
      const endMs = performance.now() + AWAY_LIMIT_MS;
      let cuts = 0;
      const sent = (outcome: 'installed' | 'failed'): number => {
        const lines = processes.log(leader).split('\n');
        return lines.filter((line) => line.includes('snapshot sent') && line.includes(outcome))
          .length;
      };
      for (; cuts < CUTS_MAX && sent('installed') === 0; cuts += 1) {
        await pause(HELD_MS);
        await processes.network.partition([away], [leader, other]);
        await pause(CUT_MS);
        await processes.network.healAll();
      }
      const transferCuts = cuts;
      await until(async () => {
        const own = await metric(away, 'matriarch_raft_applied_index');
        const last = await metric(leader, 'matriarch_raft_applied_index');
        return own !== null && last !== null && last - own < 1_000;
      }, endMs - performance.now());
      over = true;
      await steady;

      const acknowledged = writer.acknowledgedMs.slice(from);
      const gaps = acknowledged.slice(1).map((atMs, at) => atMs - (acknowledged[at] ?? atMs));
      const gapMs = Math.round(Math.max(...gaps));
      console.info(
        `cut ${transferCuts} times, ${acknowledged.length} writes beside it, longest gap ${gapMs} ms`,
      );
      expect(sent('installed')).toBe(1);
      expect(transferCuts).toBeGreaterThan(2);
      // One transfer, which went on each time: another would have begun at its first byte.
      expect(sent('failed')).toBe(0);
      expect(writer.refused).toBe(0);
      expect(await metric(leader, 'matriarch_raft_term')).toBe(term);
      expect(gapMs).toBeLessThan(1_000);
    },
    TEST_LIMIT_MS,
  );
});
