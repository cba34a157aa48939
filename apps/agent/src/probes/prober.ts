import type { ClusterState, MemberRecord, PrimaryProbes } from '#libs/cluster';
import type { Epoch } from '#libs/kernel';
import { type ReceiverSight, Suspicion } from '#libs/reconcile';
import type { Snapshot } from '../observe/snapshot.ts';
import { probePeer } from './peer-probe.ts';
import { probePostgres } from './postgres-probe.ts';

type Primary = { readonly member: MemberRecord; readonly epoch: Epoch };
type Finished = Omit<PrimaryProbes, 'ageMs' | 'primaryInstance' | 'epoch'> & {
  readonly begunMs: number;
};

export type ProberParts = {
  readonly instance: string;
  readonly state: () => ClusterState | null;
  readonly snapshot: () => Snapshot | null;
  /** A probe ended: the leader may wait for it. */
  readonly onResult: () => void;
};

/** Calls the primary over connections of its own when there is reason to, one call at a time. */
export class Prober {
  readonly #parts: ProberParts;
  #primary: Primary | null = null;
  #suspicion: Suspicion | null = null;
  #last: Finished | null = null;
  #running = false;
  #toldUntilMs = 0;
  #streamed = false;

  constructor(parts: ProberParts) {
    this.#parts = parts;
  }

  /** With each answer to a report: whether the leader misses the primary's renewals. */
  told(suspected: boolean): void {
    const { suspectAfterMs } = this.#parts.state()?.settings ?? { suspectAfterMs: 0 };
    this.#toldUntilMs = suspected ? performance.now() + suspectAfterMs : 0;
    if (suspected) this.turn();
  }

  /** After each look at the own instance. */
  turn(): void {
    const nowMs = performance.now();
    const primary = this.#followPrimary();
    if (primary === null || this.#suspicion === null) return;
    const receiver = this.#receiver(nowMs);
    const told = nowMs < this.#toldUntilMs;
    const answered = this.#last === null ? null : isAnswered(this.#last);
    if (!this.#suspicion.isRoused({ nowMs, told, receiver, answered })) return;
    if (!this.#running) void this.#probe(primary);
  }

  /** Null when the present primary was not called. */
  report(): PrimaryProbes | null {
    const [primary, last] = [this.#primary, this.#last];
    if (primary === null || last === null) return null;
    const { begunMs, ...found } = last;
    const ageMs = Math.round(performance.now() - begunMs);
    return { primaryInstance: primary.member.name, epoch: primary.epoch, ...found, ageMs };
  }

  /** Another primary, or another epoch of the same one, is called for itself. */
  #followPrimary(): Primary | null {
    const found = primaryOf(this.#parts.state(), this.#parts.instance);
    if (
      found?.epoch !== this.#primary?.epoch ||
      found?.member.name !== this.#primary?.member.name
    ) {
      const { suspectAfterMs } = this.#parts.state()?.settings ?? { suspectAfterMs: 0 };
      this.#suspicion = new Suspicion(suspectAfterMs);
      this.#last = null;
      this.#streamed = false;
    }
    this.#primary = found;
    return found;
  }

  #receiver(nowMs: number): ReceiverSight {
    const snapshot = this.#parts.snapshot();
    const sql = snapshot?.sql;
    if (snapshot === null || sql?.kind !== 'reachable' || sql.role.kind !== 'standby') {
      return { kind: 'none' };
    }
    const { receiver } = sql.role;
    if (receiver?.status === 'streaming') {
      this.#streamed = true;
      const heardAt = receiver.lastMessageReceivedAt;
      if (heardAt === undefined) return { kind: 'none' };
      return { kind: 'streaming', silentMs: sql.observedAt - heardAt + nowMs - snapshot.begunMs };
    }
    const ours = snapshot.upstream === null;
    return this.#streamed && !ours ? { kind: 'lost' } : { kind: 'none' };
  }

  async #probe(primary: Primary): Promise<void> {
    this.#running = true;
    const state = this.#parts.state();
    const limitMs = Math.floor((state?.settings.suspectAfterMs ?? 0) / 2);
    const user = state?.postgres.rewindUser ?? 'postgres';
    const begunMs = performance.now();
    const [peer, postgresAnswered] = await Promise.all([
      probePeer(primary.member.agent, limitMs),
      probePostgres(primary.member.postgres, user, limitMs),
    ]);
    this.#running = false;
    if (this.#primary?.epoch !== primary.epoch) return;
    const agentAnswered = peer?.cluster === state?.name && peer?.instance === primary.member.name;
    const guardAnswered = agentAnswered && peer?.guardAnswers === true;
    // A receiver may end for reasons of its own host: its loss counts together with the port only.
    const lost = this.#receiver(performance.now()).kind === 'lost';
    const receiverReset = lost && !postgresAnswered;
    this.#last = { guardAnswered, agentAnswered, postgresAnswered, receiverReset, begunMs };
    this.#parts.onResult();
  }
}

function isAnswered(probe: Finished): boolean {
  return probe.guardAnswered || probe.agentAnswered || probe.postgresAnswered;
}

function primaryOf(state: ClusterState | null, self: string): Primary | null {
  if (state?.lease.kind !== 'Held' || state.lease.holder === self) return null;
  const member = state.members[state.lease.holder];
  return member === undefined ? null : { member, epoch: state.lease.epoch };
}
