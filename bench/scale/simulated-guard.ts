import { DEFAULT_SETTINGS } from '#libs/cluster';

import {
  type Epoch,
  type GuardIncarnation,
  guardIncarnation,
  lsnOf,
  timelineId,
} from '#libs/kernel';
import { LeaderView } from '#libs/lease';
import type { GuardAnswer, GuardRequest } from '#libs/protocol';
import type { TlsCredentials } from '#libs/transport';
import { ControllerLinks } from '../../apps/guard/src/controller-links.ts';
import type { GuardLog } from '../../apps/guard/src/guard-log.ts';
import { LeaseKeeper } from '../../apps/guard/src/lease-keeper.ts';
import type { SystemClock } from '../../apps/guard/src/system-clock.ts';
import type { LaidAside } from './laid-aside.ts';
import type { RenewalTally } from './renewal-tally.ts';

export type SwarmParts = {
  readonly controllers: readonly { readonly name: string; readonly address: string }[];
  readonly clock: SystemClock;
  readonly log: GuardLog;
  readonly tally: RenewalTally;
  readonly laidAside: LaidAside;
};

/** Only the newest few can still be answered. */
const REMEMBERED = 16;
const POSITION = { timeline: timelineId(1), lsn: lsnOf(0x3000000n) };

/** A guard without a PostgreSQL: the production links and lease, and nothing to stop. */
export class SimulatedGuard {
  readonly incarnation: GuardIncarnation;
  readonly #links: ControllerLinks;
  readonly #lease: LeaseKeeper;
  readonly #leader = new LeaderView();
  readonly #sentAtMs = new Float64Array(REMEMBERED);
  /** The number of the renewal whose time is kept in the same place. */
  readonly #sent = new Float64Array(REMEMBERED);
  #granted: () => void = () => undefined;
  /** Resolves with the first grant. */
  readonly granted: Promise<void>;

  constructor(
    readonly cluster: string,
    credentials: TlsCredentials,
    readonly parts: SwarmParts,
  ) {
    this.incarnation = guardIncarnation(`simulated-${cluster}`);
    this.granted = new Promise((resolve) => {
      this.#granted = resolve;
    });
    const { clock, log, controllers, tally, laidAside } = parts;
    const settings = { controllers };
    const { incarnation } = this;
    this.#links = new ControllerLinks(
      { settings, incarnation, credentials, clock, log, layAside: laidAside.add },
      {
        onUp: (controller) => this.#onUp(controller),
        onDown: (controller) => {
          if (controller === this.#leader.name) this.#lease.leaderLost();
          tally.linkLost();
        },
        onAnswer: (controller, answer) => this.#onAnswer(controller, answer),
        inCrowd: () => this.#lease.inCrowd,
      },
    );
    const effects = {
      sendRenewal: (epoch: Epoch, nonce: number, to: 'leader' | 'all') =>
        this.#sendRenewal(epoch, nonce, to),
      rightConfirmed: () => undefined,
      stopNow: (reason: string) => tally.stopped(`${cluster}: ${reason}`),
    };
    this.#lease = new LeaseKeeper(DEFAULT_SETTINGS, { clock, log, effects });
  }

  start(): void {
    this.#links.start();
    this.#lease.begin();
  }

  get epoch(): Epoch | null {
    return this.#lease.epoch;
  }

  /** Null until a controller says who leads. */
  get leaderAddress(): string | null {
    const { name } = this.#leader;
    return this.parts.controllers.find((each) => each.name === name)?.address ?? null;
  }

  #onUp(controller: string): void {
    const { incarnation } = this;
    const postmaster = 'running';
    this.#links.sendTo(controller, {
      type: 'guardState',
      incarnation,
      epoch: this.epoch,
      postmaster,
    });
    if (controller === this.#leader.name) this.#lease.leaderAnnounced();
  }

  #sendRenewal(epoch: Epoch, nonce: number, to: 'leader' | 'all'): void {
    this.#sentAtMs[nonce % REMEMBERED] = performance.now();
    this.#sent[nonce % REMEMBERED] = nonce;
    const request: GuardRequest = {
      type: 'renew',
      incarnation: this.incarnation,
      epoch,
      nonce,
      position: POSITION,
      postmaster: 'running',
      agentAbsentMs: 0,
    };
    const { name } = this.#leader;
    if (to === 'leader' && name !== null && this.#links.isUp(name)) {
      this.#links.sendTo(name, request);
    } else this.#links.sendToAll(request);
  }

  #onAnswer(controller: string, answer: GuardAnswer): void {
    switch (answer.type) {
      case 'renewed': {
        const at = answer.nonce % REMEMBERED;
        if (this.#sent[at] === answer.nonce) {
          this.#sent[at] = 0;
          const tookMs = performance.now() - (this.#sentAtMs[at] ?? 0);
          this.parts.tally.answered(tookMs, this.#lease.untilStopMs());
        }
        this.#lease.renewed(answer.epoch, answer.nonce, answer.crowdIntervalMs ?? null);
        return;
      }
      case 'renewalRefused':
        this.parts.tally.refused(`${this.cluster}: ${answer.reason}`);
        this.#lease.refused(answer.epoch);
        return;
      case 'leader':
        if (this.#leader.told(answer.name, answer.term, controller)) this.#lease.leaderAnnounced();
        return;
      case 'granted':
        this.#lease.acquire(answer.epoch);
        this.#granted();
        return;
      default:
        return;
    }
  }
}
