import type { ClusterState, OperatorCommand, WalPosition } from '#libs/cluster';
import type { FaultScene } from './cluster-faults.ts';
import { CLUSTER, count, say } from './cluster-world.ts';
import { REMOTE, type RemoteSite } from './remote-site.ts';
import { endOf } from './wal.ts';

const LOOK_MS = 250;
const ORDER_EVERY_MS = 500;
const MOVE_LEADER_EVERY_MS = 3_000;
const DEMOTION_MS = 15_000;
const TURN_MS = 6_000;
const RETURN_MS = 12_000;
const CUT_CHANCE = 0.02;

type Phase =
  | 'here'
  | 'turning'
  | 'there'
  | 'reopening'
  | 'stopping'
  | 'returning'
  | 'lost'
  | 'home';

/**
 * The operators of a pair of clusters: the writing goes to the other site and comes back, as the runbook says
 * (demote one, promote the other with the position that the first told), or the other site is lost and this one
 * is promoted without knowing. They never promote on what is not known to be committed.
 */
export class SiteTurns {
  #phase: Phase = 'here';
  #sinceMs = 0;
  #dueMs = 0;
  #orderedMs = 0;
  #movedMs = 0;
  /** An order to promote was taken: it may be carried out at any time from then on. */
  #decided = false;
  #lastWritten: WalPosition | null = null;

  constructor(
    readonly scene: FaultScene,
    readonly site: RemoteSite,
  ) {}

  begin(): void {
    this.#dueMs = this.#nowMs + this.scene.prng.range(500, 4_000);
    this.#loop();
  }

  get #nowMs(): number {
    return this.scene.world.scheduler.nowMs;
  }

  #loop(): void {
    this.scene.world.scheduler.after(LOOK_MS, () => this.#loop());
    this.#cutNowAndThen();
    const state = this.#committed();
    if (state !== null) this.#look(state);
  }

  #look(state: ClusterState): void {
    const { following } = state;
    const { postgres } = this.site.node;
    switch (this.#phase) {
      case 'here':
        if (following !== undefined) this.#enter('turning');
        else if (!this.scene.over() && this.#nowMs >= this.#dueMs) this.#demote();
        return;
      case 'turning':
        if (following === undefined) this.#enter('home');
        else this.#turn(state, following.stoppedAt);
        return;
      case 'there':
        if (this.#nowMs >= this.#dueMs || this.scene.over()) this.#leave();
        return;
      case 'reopening':
        if (postgres.role === 'primary' && postgres.phase === 'running') this.#enter('there');
        else this.site.promote();
        return;
      case 'stopping':
        if (postgres.alive) return;
        this.#lastWritten = { timeline: postgres.timeline, lsn: endOf(postgres.wal) };
        this.#enter('returning');
        return;
      case 'returning':
        if (following === undefined) this.#enter('home');
        else this.#comeBack();
        return;
      case 'lost':
        if (following === undefined) this.#enter('home');
        else this.#promote({ lastWritten: null, acceptUnknown: true });
        return;
      case 'home':
        if (state.lease.kind !== 'Held' || !state.lease.serving) return;
        count(this.scene.world, 'siteReturns');
        if (!this.site.node.host.up) this.site.comeBack();
        this.#enter('here');
        return;
    }
  }

  #enter(phase: Phase): void {
    say(this.scene.world, `site ${phase}`);
    this.#phase = phase;
    this.#sinceMs = this.#nowMs;
    this.#dueMs = this.#nowMs + this.scene.prng.range(1_000, 6_000);
    this.#decided = false;
  }

  #demote(): void {
    this.#dueMs = this.#nowMs + DEMOTION_MS;
    this.#order({ type: 'demoteCluster', remote: REMOTE, acceptUnknown: false });
  }

  /** The other site is promoted once it has all, or the turn is called off. */
  #turn(state: ClusterState, stoppedAt: WalPosition | null): void {
    const { postgres } = this.site.node;
    if (stoppedAt === null || state.lease.kind === 'Held') return;
    const has = postgres.timeline === stoppedAt.timeline && endOf(postgres.wal) >= stoppedAt.lsn;
    if (has && postgres.phase === 'running' && postgres.role === 'standby') {
      this.#enter('there');
      this.site.promote();
    } else if (this.#nowMs - this.#sinceMs > TURN_MS) {
      this.#lastWritten = stoppedAt;
      this.#enter('returning');
    }
  }

  #leave(): void {
    const { postgres } = this.site.node;
    if (postgres.role !== 'primary' || postgres.phase !== 'running') return;
    const { prng, over } = this.scene;
    const what = over() ? 1 : prng.unit();
    if (what < 0.3) {
      this.site.lose();
      this.#enter('lost');
    } else if (what < 0.6) {
      this.site.failOver();
      // Sometimes the site is lost before anybody heard of it.
      this.#dueMs = this.#nowMs + prng.pick([0, 500, 3_000]);
    } else {
      postgres.stopFast();
      this.#enter('stopping');
    }
  }

  /** What this cluster lacks it gets from the other site once more, which is opened again for it. */
  #comeBack(): void {
    const { node } = this.site;
    const stopped = !node.postgres.alive && node.postgres.timeline === this.#lastWritten?.timeline;
    if (stopped && !this.#decided && this.#nowMs - this.#sinceMs > RETURN_MS) {
      this.site.reopen();
      this.#enter('reopening');
      return;
    }
    this.#promote({ lastWritten: this.#lastWritten, acceptUnknown: false });
    if (this.#decided || this.#nowMs - this.#movedMs < MOVE_LEADER_EVERY_MS) return;
    this.#movedMs = this.#nowMs;
    this.#order({ type: 'switchover', to: null });
  }

  #promote(how: Omit<Extract<OperatorCommand, { type: 'promoteCluster' }>, 'type'>): void {
    if (this.#nowMs - this.#orderedMs < ORDER_EVERY_MS) return;
    this.#orderedMs = this.#nowMs;
    if (this.#order({ type: 'promoteCluster', ...how })) this.#decided = true;
  }

  #order(command: OperatorCommand): boolean {
    const taken = this.scene.world.controllers.map(({ life }) => life?.order(command) === true);
    return taken.includes(true);
  }

  /** As a linearizable read shows it: what any controller has applied. */
  #committed(): ClusterState | null {
    const states = this.scene.world.controllers.flatMap(
      ({ life }) => life?.store.cluster(CLUSTER) ?? [],
    );
    return states.reduce<ClusterState | null>(
      (latest, next) => (latest === null || next.sequence > latest.sequence ? next : latest),
      null,
    );
  }

  #cutNowAndThen(): void {
    const { world, prng, over } = this.scene;
    if (over() || !prng.chance(CUT_CHANCE)) return;
    count(world, 'siteCuts');
    for (const host of world.hosts) world.network.cut(host, this.site.node.host);
    world.scheduler.after(prng.unit() * 5_000, () => world.network.mend());
  }
}
