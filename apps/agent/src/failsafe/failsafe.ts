import { uptime } from 'node:os';
import type { ClusterState } from '#libs/cluster';
import { formatAddress, type InstanceName, monotonicMs } from '#libs/kernel';
import type { Moment, PromiseInForce } from '#libs/lease';
import type { Logger } from '#libs/observability';
import type { LocalNote } from '#libs/protocol';
import type { SignedNotes } from '#libs/transport';
import type { PromisesWanted } from '../guard-client/guard-connection.ts';
import type { FailsafeEndpoint } from '../http/failsafe-route.ts';
import { PromiseFile } from '../state-directory/promise-file.ts';
import { PromiseDesk } from './promise-desk.ts';
import { PromiseRound } from './promise-round.ts';
import { sendNote } from './send-note.ts';

const MS_PER_SECOND = 1_000;

export type FailsafeParts = {
  readonly cluster: string;
  readonly instance: InstanceName;
  readonly stateDirectory: string;
  readonly notes: SignedNotes;
  readonly state: () => ClusterState | null;
  readonly detachedThroughEpoch: () => number;
  readonly tellGuard: (promises: Extract<LocalNote, { type: 'promises' }>) => void;
  readonly onPromised: () => void;
  readonly log: Logger;
};

/** Both sides of failsafe in one agent: it asks as a primary's, and promises as a member's. */
export class Failsafe {
  readonly #parts: FailsafeParts;
  readonly #desk: PromiseDesk;
  readonly #round: PromiseRound;

  constructor(parts: FailsafeParts) {
    this.#parts = parts;
    this.#desk = new PromiseDesk({ ...parts, file: new PromiseFile(parts.stateDirectory), now });
    this.#round = new PromiseRound({ ...parts, send: sendNote });
  }

  /** What this member has promised to a primary; null when nothing binds it. */
  promised(): PromiseInForce | null {
    return this.#desk.inForce();
  }

  wanted(wanted: PromisesWanted): void {
    void this.#round.wanted(wanted);
  }

  get endpoint(): FailsafeEndpoint {
    return {
      answer: (note) => this.#desk.answer(note),
      members: () => membersOf(this.#parts.state()),
    };
  }
}

function membersOf(state: ClusterState | null): Record<string, string> | null {
  if (state === null || !state.settings.failsafe) return null;
  const members = Object.values(state.members);
  return Object.fromEntries(
    members.map(({ name, agent }) => [name, `http://${formatAddress(agent)}`]),
  );
}

/** Time that a suspended host spent counts: whoever rests on the promise may not have slept. */
function now(): Moment {
  return {
    monotonicMs: monotonicMs(performance.now()),
    bootMs: monotonicMs(uptime() * MS_PER_SECOND),
  };
}
