import { Grants, Instance, type KeptLease, LastPosition, Orders, Releases } from '#libs/guarding';
import { type Epoch, type GuardIncarnation, guardIncarnation } from '#libs/kernel';
import { LeaderView, LeaseHolder, type LeaseTiming, type Moment } from '#libs/lease';
import type { GuardAnswer, GuardRequest, LocalRequest, PostmasterState } from '#libs/protocol';
import { type ClusterWorld, count, say } from './cluster-world.ts';
import type { ControllerLife } from './controller-life.ts';
import type { SimController } from './sim-controller.ts';
import { SimProcess } from './sim-host.ts';
import type { SimNode } from './sim-node.ts';
import { filesOf, SimPostmaster } from './sim-postmaster.ts';

/** What the agent is told of its guard. */
export type GuardView = {
  readonly incarnation: GuardIncarnation;
  readonly postmaster: PostmasterState;
  readonly run: number;
  readonly epoch: Epoch | null;
  readonly remainingMs: number | null;
};

const QUIET = { info: () => undefined, warn: () => undefined };
const LINK_CHECK_MS = 250;
const START_MS = 25;

/** The guard of one instance over all its lives. */
export class SimGuard {
  readonly process: SimProcess;
  life: GuardLife | null = null;
  readonly #past: GuardIncarnation[] = [];

  constructor(
    readonly node: SimNode,
    readonly world: ClusterWorld,
  ) {
    this.process = new SimProcess(node.host, 'guard', true);
  }

  /** The agent starts one when there is none. */
  launch(): void {
    if (this.process.alive || !this.node.host.up) return;
    this.process.begin();
    const incarnation = guardIncarnation(`${this.node.name}g${this.#past.length + 1}`);
    const predecessors = [...this.#past];
    this.#past.push(incarnation);
    this.process.after(START_MS, () => {
      this.life = new GuardLife(this, incarnation, predecessors);
      this.life.begin();
    });
  }

  /** The kernel ends PostgreSQL with its parent, unless the death signal was lost (safety 13). */
  kill(): void {
    if (!this.process.alive) return;
    this.#end();
    const { postgres } = this.node;
    postgres.orphaned();
    if (this.world.prng.chance(this.world.swarm.lostDeathSignalChance)) {
      count(this.world, 'lostDeathSignals');
    } else postgres.quit();
  }

  powerOff(): void {
    this.#end();
  }

  #end(): void {
    this.process.end();
    this.life = null;
    this.node.agent.guardGone();
  }
}

export class GuardLife {
  readonly holder: LeaseHolder;
  readonly instance: Instance;
  readonly process: SimProcess;
  readonly orders: Orders;
  readonly #grants: Grants;
  readonly #releases: Releases;
  readonly #leader = new LeaderView();
  readonly #position = new LastPosition();
  readonly #postmaster: SimPostmaster;
  /** To which life of each controller a link is open. */
  readonly #up = new Map<SimController, ControllerLife>();
  readonly #lease: KeptLease;
  #armed = 0;
  #healed = true;
  ready = false;

  constructor(
    readonly guard: SimGuard,
    readonly incarnation: GuardIncarnation,
    predecessors: readonly GuardIncarnation[],
  ) {
    const { node, world } = guard;
    this.process = guard.process;
    const { settings } = world;
    this.holder = new LeaseHolder(settings, {
      sendRenewal: (epoch, nonce, to) => this.#renew(epoch, nonce, to),
      rightConfirmed: (epoch) => {
        const killAt = this.#lease.killAtBootMs();
        if (killAt !== null) node.fuse.feed(killAt);
        this.orders.confirmed(epoch);
        this.pushState();
      },
      stopNow: (reason, epoch, graceMs) => {
        say(world, `${node.name} fence ${reason}`, epoch);
        count(world, 'fences');
        this.instance.fence(reason, epoch, graceMs);
        this.pushState();
      },
    });
    this.#lease = this.#keptLease();
    this.#postmaster = new SimPostmaster(this, () => this.#postmasterChanged());
    this.instance = new Instance({
      files: filesOf(node),
      postmaster: this.#postmaster,
      lease: this.#lease,
      fuse: node.fuse,
      log: QUIET,
      pause: (durationMs) => this.process.sleep(durationMs),
    });
    this.#releases = new Releases((request) => this.#send(request, 'leader'));
    const shared = {
      incarnation,
      lease: this.#lease,
      instance: this.instance,
      releases: this.#releases,
    };
    this.#grants = new Grants({ ...shared, predecessors, log: QUIET });
    this.orders = new Orders({
      ...shared,
      olderHolder: (epoch) => this.#grants.olderHolder(epoch),
      grantKnown: (epoch) => this.#grants.knows(epoch),
      onPosition: (position) => this.#position.told(position, node.host.nowMs()),
      onShutdown: () => undefined,
      log: QUIET,
    });
  }

  get node(): SimNode {
    return this.guard.node;
  }

  /** Before anything else it ends what a dead guard has left. */
  begin(): void {
    const { world, node } = this.guard;
    say(world, `${node.name} guard ${this.incarnation}`);
    this.#postmaster.clearAway(() => {
      this.ready = true;
      this.instance.wentDown();
      this.#arm();
      this.#linkLoop();
      this.#repeatLoop();
      node.agent.guardAttached();
    });
  }

  moment(): Moment {
    const now = this.node.host.nowMs();
    return { monotonicMs: now, bootMs: now };
  }

  ask(request: LocalRequest, reply: Parameters<Orders['handle']>[1]): void {
    if (request.type !== 'position') this.guard.world.scheduler.promised = true;
    this.orders.handle(request, reply);
  }

  /** From a controller, over its link. */
  answered(from: SimController, answer: GuardAnswer): void {
    this.guard.world.scheduler.promised = true;
    const now = this.moment();
    switch (answer.type) {
      case 'renewed':
        if (answer.crowdIntervalMs != null) count(this.guard.world, 'crowdAnswers');
        this.holder.renewed(answer.epoch, answer.nonce, now, answer.crowdIntervalMs);
        this.#arm();
        return;
      case 'renewalRefused':
        this.holder.refused(answer.epoch, now);
        this.orders.refused(answer.epoch, answer.reason);
        this.pushState();
        return;
      case 'released':
        this.#releases.answered(answer.epoch, { kind: 'released' });
        return;
      case 'releaseRefused':
        this.#releases.answered(answer.epoch, { kind: 'refused', reason: answer.reason });
        return;
      case 'leader':
        if (this.#leader.told(answer.name, answer.term, from.name)) this.#leaderKnown();
        return;
      case 'granted':
        this.#grants.learn(answer);
        this.orders.granted(answer.epoch);
        this.#arm();
        return;
    }
  }

  view(): GuardView {
    return {
      incarnation: this.incarnation,
      postmaster: this.#postmaster.state,
      run: this.node.postgres.run,
      epoch: this.holder.epoch,
      remainingMs: this.#lease.untilStopMs(),
    };
  }

  pushState(): void {
    if (this.ready) this.node.agent.guardSaid(this, this.view());
  }

  #keptLease(): KeptLease {
    const { holder } = this;
    const now = (): Moment => this.moment();
    return {
      get epoch() {
        return holder.epoch;
      },
      get timing() {
        return holder.timing;
      },
      useTiming: (timing: LeaseTiming) => holder.useTiming(timing),
      acquire: (epoch) => {
        const result = holder.acquire(epoch, now());
        this.#arm();
        return result;
      },
      release: (epoch) => holder.release(epoch),
      isOver: (epoch) => holder.isOver(epoch),
      mayServe: (epoch) => holder.mayServe(epoch, now()),
      untilStopMs: () => {
        const remaining = holder.remainingMs(now());
        return remaining === null ? null : Math.max(0, remaining - holder.timing.stopBudgetMs);
      },
      killAtBootMs: () => {
        const endsAt = holder.endsAtBootMs();
        const { stopBudgetMs, guardKillMs } = holder.timing;
        return endsAt === null ? null : endsAt - (stopBudgetMs - guardKillMs);
      },
    };
  }

  /** As the guard's timer: first only the question whether it slept, then, with sockets read, a turn. */
  #arm(): void {
    this.#armed += 1;
    const armed = this.#armed;
    const inMs = Math.max(1, Math.floor(this.holder.nextTurnInMs(this.moment())));
    this.process.after(inMs, () => {
      if (armed !== this.#armed) return;
      this.holder.wake(this.moment());
      this.process.after(0, () => {
        if (armed !== this.#armed) return;
        this.holder.tick(this.moment());
        this.#arm();
      });
    });
  }

  #renew(epoch: Epoch, nonce: number, to: 'leader' | 'all'): void {
    const { incarnation, node } = this;
    const request: GuardRequest = {
      type: 'renew',
      incarnation,
      epoch,
      nonce,
      postmaster: this.#postmaster.state,
      agentAbsentMs: 0,
      position: this.#position.fresh(node.host.nowMs()),
    };
    this.#send(request, to);
  }

  #send(request: GuardRequest, to: 'leader' | 'all'): void {
    const leader = to === 'leader' ? this.#leaderUp() : undefined;
    if (leader !== undefined) this.#sendTo(leader, request);
    else for (const controller of this.#up.keys()) this.#sendTo(controller, request);
  }

  #leaderUp(): SimController | undefined {
    return [...this.#up.keys()].find(({ name }) => name === this.#leader.name);
  }

  #sendTo(controller: SimController, request: GuardRequest): void {
    controller.deliverFrom(this.node.host, (life) => life.guards.fromGuard(this, request));
  }

  /** It is found out, and opened again by the next look. */
  linkLost(controller: SimController): void {
    this.process.after(LINK_CHECK_MS, () => this.#down(controller));
  }

  /** Told to a guard that is gone by whoever had the other end of its link, it is nothing to the one after it. */
  #down(controller: SimController): void {
    if (!this.#up.delete(controller) || this.guard.life !== this) return;
    if (controller.name === this.#leader.name) this.holder.leaderLost(this.moment());
  }

  /** Links are opened ahead to every controller; one that is lost is found out and opened again. */
  #linkLoop(): void {
    const { world, node } = this.guard;
    this.#sayAnewOnceHealed();
    for (const controller of world.controllers) {
      const { life } = controller;
      const open = life !== null && world.network.connects(node.host, controller.host);
      // A link does not outlive the process at its other end.
      if (open && this.#up.get(controller) !== life) {
        this.#up.set(controller, life);
        controller.deliverFrom(node.host, (life) => life.guards.guardConnected(this));
        this.#sendTo(controller, this.#state());
        if (controller.name === this.#leader.name) this.#leaderKnown();
      }
      if (!open) this.#down(controller);
    }
    this.process.after(LINK_CHECK_MS, () => this.#linkLoop());
  }

  /** A cut that ended between two looks took what was under way with it: TCP would bring it now (seed 2452406). */
  #sayAnewOnceHealed(): void {
    const { healed } = this.guard.world.network;
    if (healed && !this.#healed) this.#up.clear();
    this.#healed = healed;
  }

  #repeatLoop(): void {
    this.#releases.repeat();
    this.process.after(this.guard.world.settings.renewIntervalMs, () => this.#repeatLoop());
  }

  #leaderKnown(): void {
    this.holder.leaderAnnounced(this.moment());
    this.#releases.repeat();
    this.#arm();
  }

  #postmasterChanged(): void {
    if (this.#postmaster.state === 'down') this.instance.wentDown();
    for (const controller of this.#up.keys()) this.#sendTo(controller, this.#state());
    this.pushState();
  }

  #state(): GuardRequest {
    const { incarnation, holder } = this;
    const postmaster = this.#postmaster.state;
    return { type: 'guardState', incarnation, epoch: holder.epoch, postmaster };
  }
}
