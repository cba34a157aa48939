import { type CommandResult, packCommand, packEnvelope } from '#libs/event-store';
import type { Prng } from '#libs/kernel';
import type { RegisterInput, RegisterOutput } from '../linearizability/index.ts';
import type { Scheduler } from './scheduler.ts';
import type { SessionOracle } from './session-oracle.ts';
import type { SimMember } from './sim-member.ts';
import { FIRST_SESSION_SERIAL, STORE_PORTS } from './sim-registers.ts';

const CLIENTS = 4;
const KEYS = 2;
const THINK_MS = 40;
const RETRY_MS = 120;
const PATIENCE_MS = 2_500;
/** Registers change their names so often, which bounds what the checker looks at at once. */
const WINDOW_MS = 500;
const NS_PER_MS = 1_000_000;
const utf8 = new TextEncoder();

export type SessionScene = {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly oracle: SessionOracle;
  readonly leaning: () => SimMember;
  readonly over: () => boolean;
};

type Asked = {
  readonly key: string;
  readonly input: RegisterInput;
  readonly callMs: number;
  readonly sequence: number;
};

/** Clients with sessions, one operation each at a time, repeated until it is answered or given up. */
export function startSessionClients(scene: SessionScene): void {
  let serial = FIRST_SESSION_SERIAL;
  const nextSerial = (): number => {
    serial += 1;
    return serial;
  };
  for (let at = 0; at < CLIENTS; at += 1) new SessionClient(`p${at}`, scene, nextSerial).start();
}

class SessionClient {
  #session: number | null = null;
  #sequence = 0;
  #answeredTo = 0;
  #asked: Asked | null = null;

  constructor(
    private readonly name: string,
    private readonly scene: SessionScene,
    private readonly nextSerial: () => number,
  ) {}

  start(): void {
    const { scheduler, prng, over } = this.scene;
    const next = (): void => {
      if (over()) {
        if (this.#asked !== null) this.#record(this.#asked, null);
        return;
      }
      this.#act();
      scheduler.after(prng.unit() * 2 * (this.#asked === null ? THINK_MS : RETRY_MS), next);
    };
    scheduler.after(prng.unit() * THINK_MS, next);
  }

  #act(): void {
    if (this.#session === null) {
      this.#open();
      return;
    }
    const asked = this.#asked;
    const { nowMs } = this.scene.scheduler;
    if (asked === null) this.#asked = this.#draw();
    else if (nowMs - asked.callMs > PATIENCE_MS) {
      this.#asked = null;
      this.#record(asked, null);
      return;
    }
    if (this.#asked !== null) this.#ask(this.#asked, this.#session);
  }

  #open(): void {
    const envelope = packEnvelope(STORE_PORTS, { from: 'opening', token: this.name });
    this.#propose(envelope, (result) => {
      if (result.type === 'opened') this.#session = result.session;
    });
  }

  #draw(): Asked {
    const { prng, scheduler } = this.scene;
    const callMs = scheduler.nowMs;
    const key = `k${prng.range(1, KEYS)}-${Math.floor(callMs / WINDOW_MS)}`;
    if (prng.chance(0.4)) return { key, input: { type: 'read' }, callMs, sequence: 0 };
    this.#sequence += 1;
    const sequence = this.#sequence;
    const condition = prng.chance(0.3) ? { expected: null } : {};
    const value = `${this.name}-${sequence}`;
    if (prng.chance(0.8))
      return { key, input: { type: 'put', value, ...condition }, callMs, sequence };
    return { key, input: { type: 'delete' }, callMs, sequence };
  }

  #ask(asked: Asked, session: number): void {
    const { key, input, sequence } = asked;
    const answer = (output: RegisterOutput): void => {
      if (this.#asked !== asked) return;
      this.#asked = null;
      this.#answeredTo = Math.max(this.#answeredTo, sequence);
      this.#record(asked, output);
    };
    if (input.type === 'read') {
      const member = this.scene.leaning();
      member.operate((machine) =>
        member.applied.registers?.read(machine, key, (value) => answer({ type: 'read', value })),
      );
      return;
    }
    const expectedRevision = input.expected === undefined ? null : 0;
    const command =
      input.type === 'put'
        ? ({ type: 'put', key, value: utf8.encode(input.value), expectedRevision } as const)
        : ({ type: 'delete', key, expectedRevision } as const);
    const body = packCommand(STORE_PORTS, command);
    const answeredTo = this.#answeredTo;
    const parts = { from: 'session', session, sequence, answeredTo, body } as const;
    this.#propose(packEnvelope(STORE_PORTS, parts), (result) => {
      if (result.type === 'written') answer({ type: 'written' });
      if (result.type === 'rejected' && result.code === 'STALE_REVISION')
        answer({ type: 'rejected' });
    });
  }

  #propose(envelope: Uint8Array, answer: (result: CommandResult) => void): void {
    const member = this.scene.leaning();
    member.operate((machine) =>
      member.applied.registers?.propose(machine, this.nextSerial(), envelope, answer),
    );
  }

  #record({ key, input, callMs }: Asked, output: RegisterOutput | null): void {
    const { oracle, scheduler } = this.scene;
    const callNs = Math.round(callMs * NS_PER_MS);
    const returnNs = output === null ? null : Math.round(scheduler.nowMs * NS_PER_MS);
    oracle.history.push({ process: this.name, key, input, output, callNs, returnNs });
  }
}
