import { guardTimes, leaseTimingOf } from '#libs/cluster';
import { announcedAfterMs, type GuardIdentity, type GuardLink, type Service } from '#libs/leader';
import type { GuardAnswer, GuardRequest } from '#libs/protocol';
import { CLUSTER, count } from './cluster-world.ts';
import type { ControllerLife, LeaderWord } from './controller-life.ts';
import type { GuardLife } from './sim-guard.ts';

/** The guards that are connected to a controller: renewals, releases, what was granted. */
export class ControllerGuards {
  readonly #guards = new Set<GuardLife>();

  constructor(readonly life: ControllerLife) {}

  tellLeader(word: LeaderWord): void {
    const { life } = this;
    const afterMs = announcedAfterMs(word, life.service !== null, this.#guards.size);
    if (afterMs === 0) this.#tellLeader(word);
    else if (afterMs !== null) {
      life.seat.process.after(afterMs, () => {
        const { name, term } = life.leaderWord();
        if (name === word.name && term === word.term) this.#tellLeader(word);
      });
    }
  }

  #tellLeader(word: LeaderWord): void {
    for (const guard of this.#guards) this.#toGuard(guard, { type: 'leader', ...word });
  }

  tellAllGranted(): void {
    for (const guard of this.#guards) this.#tellGranted(guard);
  }

  guardConnected(guard: GuardLife): void {
    if (this.#guards.has(guard)) return;
    this.#guards.add(guard);
    this.#toGuard(guard, { type: 'leader', ...this.life.leaderWord() });
  }

  fromGuard(guard: GuardLife, request: GuardRequest): void {
    this.guardConnected(guard);
    this.life.heard.heard(guardName(guard), this.life.nowMs());
    if (request.type === 'guardState') this.#tellGranted(guard);
    const link: GuardLink = {
      guard: guardName(guard),
      answer: (answer) => this.#toGuard(guard, answer),
    };
    if (this.life.service !== null) {
      this.#serve(this.life.service, link, guard, request);
      return;
    }
    const leader = this.life.other(this.life.role.leader);
    leader?.deliverFrom(this.life.seat.host, (life) =>
      life.guards.#relayed(this.life, guard, request),
    );
  }

  /** Through a follower: the answer goes back the same way. */
  #relayed(follower: ControllerLife, guard: GuardLife, request: GuardRequest): void {
    if (this.life.service === null) return;
    count(this.life.seat.world, 'relays');
    const answer = (said: GuardAnswer): void =>
      follower.seat.deliverFrom(this.life.seat.host, (life) => {
        if (life === follower) life.guards.#toGuard(guard, said);
      });
    this.#serve(this.life.service, { guard: guardName(guard), answer }, guard, request);
  }

  #serve(service: Service, link: GuardLink, guard: GuardLife, request: GuardRequest): void {
    const from: GuardIdentity = { cluster: CLUSTER, instance: guard.node.name };
    let asksRules = true;
    if (request.type === 'guardState') {
      const { incarnation, epoch, postmaster } = request;
      const heard = { incarnation, epoch, postmaster, agentAbsentMs: 0 };
      service.observations.guardHeard(from.cluster, from.instance, heard, this.life.nowMs());
    } else if (request.type === 'renew') {
      if (request.position !== null) {
        this.life.seat.world.oracle.positionHeard(this.life, from.instance, request.position);
      }
      asksRules = this.life.renewals.accept(service, link, from, request);
    } else this.life.releases.accept(link, from, request);
    if (!asksRules) return;
    this.life.decisions.changed(CLUSTER);
    this.life.schedule();
  }

  #toGuard(guard: GuardLife, answer: GuardAnswer): void {
    const { host } = guard.node;
    this.life.seat.world.network.send(
      this.life.seat.host,
      host,
      () => {
        if (guard.guard.life === guard) {
          guard.process.deliver(() => guard.answered(this.life.seat, answer));
        }
      },
      () => {
        this.#guards.delete(guard);
        guard.linkLost(this.life.seat);
      },
    );
  }

  #tellGranted(guard: GuardLife): void {
    const state = this.life.store.cluster(CLUSTER);
    if (state?.lease.kind !== 'Held' || state.lease.holder !== guard.node.name) return;
    const { epoch, guard: incarnation } = state.lease;
    this.#toGuard(guard, {
      type: 'granted',
      epoch,
      incarnation,
      ...guardTimes(state.settings, leaseTimingOf(state)),
    });
  }
}

function guardName(guard: GuardLife): string {
  return `${CLUSTER}/${guard.node.name}`;
}
