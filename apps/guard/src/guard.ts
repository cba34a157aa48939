import { setTimeout as delay } from 'node:timers/promises';
import { Failsafe, Grants, Instance, LastPosition, Orders, Releases } from '#libs/guarding';
import { type Epoch, type GuardIncarnation, unreachable } from '#libs/kernel';
import { type HolderEffects, LeaderView } from '#libs/lease';
import { ProcessesInDirectory } from '#libs/process';
import type { GuardAnswer, GuardRequest, GuardSettings, LocalNote } from '#libs/protocol';
import type { TlsCredentials } from '#libs/transport';
import { AgentSocket } from './agent-socket.ts';
import { ControllerLinks } from './controller-links.ts';
import { Fuse } from './fuse.ts';
import type { GuardLog } from './guard-log.ts';
import { DataDirectoryFiles } from './instance-files.ts';
import { LastResorts } from './last-resorts.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { Postmaster } from './postmaster.ts';
import type { SystemClock } from './system-clock.ts';
import { Watchdog } from './watchdog.ts';
import { LinuxWatchdog } from './watchdog-device.ts';

export type GuardParts = {
  readonly settings: GuardSettings;
  readonly incarnation: GuardIncarnation;
  /** Dead guards of this data directory, whose leases this one may give back. */
  readonly predecessors: readonly GuardIncarnation[];
  readonly credentials: TlsCredentials;
  readonly clock: SystemClock;
  readonly log: GuardLog;
  /** The agent asked the guard to end. */
  readonly onShutdown: () => void;
};

/** How long the release of a guard that ends is waited for; after it the lease runs out by itself. */
const LAST_RELEASE_LIMIT_MS = 2_000;

/** Joins lease, PostgreSQL, controllers and agent. */
export class Guard {
  readonly #parts: GuardParts;
  readonly #links: ControllerLinks;
  readonly #agent: AgentSocket;
  readonly #postmaster: Postmaster;
  readonly #lease: LeaseKeeper;
  readonly #fuse: Fuse;
  readonly #watchdog: Watchdog;
  readonly #lastResorts: LastResorts;
  readonly #instance: Instance;
  readonly #releases: Releases;
  readonly #orders: Orders;
  readonly #grants: Grants;
  readonly #leader = new LeaderView();
  readonly #position = new LastPosition();
  readonly #failsafe: Failsafe;
  #agentGoneAtMs = performance.now();
  #repeatTimer: NodeJS.Timeout | undefined;
  #ended: Promise<void> | null = null;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    const { settings, log, clock, incarnation } = parts;
    const { dataDirectory } = settings.postgres;
    this.#failsafe = new Failsafe(settings.instance);
    const processes = new ProcessesInDirectory(dataDirectory);
    this.#links = new ControllerLinks(parts, {
      onUp: (controller) => this.#controllerUp(controller),
      onDown: (controller) => {
        if (controller === this.#leader.name) this.#lease.leaderLost();
        this.#pushState();
      },
      onAnswer: (controller, answer) => this.#onAnswer(controller, answer),
      inCrowd: () => this.#lease.inCrowd,
    });
    this.#agent = new AgentSocket(log, {
      onRequest: (request, reply) => {
        if (request.type === 'attach') this.#pushState();
        this.#orders.handle(request, reply);
      },
      onAttached: () => {
        this.#agentGoneAtMs = performance.now();
      },
    });
    const onChange = (): void => this.#postmasterChanged();
    const onUnproved = (why: string): void => this.#instance.notProvedDown(why);
    const watched = { processes, log, onChange, onUnproved };
    this.#postmaster = new Postmaster(settings.postgres, watched);
    this.#lease = new LeaseKeeper(settings.timing, { clock, log, effects: this.#effects() });
    this.#fuse = new Fuse(dataDirectory, log, clock);
    this.#watchdog = new Watchdog(settings.watchdog, {
      device: new LinuxWatchdog(settings.watchdog.device),
      leaseTtlMs: () => this.#lease.timing.leaseTtlMs,
      log,
    });
    this.#lastResorts = new LastResorts(this.#fuse, this.#watchdog, this.#lease);
    this.#instance = new Instance({
      files: new DataDirectoryFiles(dataDirectory, processes),
      postmaster: this.#postmaster,
      lease: this.#lease,
      fuse: this.#lastResorts,
      log,
      pause: delay,
    });
    this.#releases = new Releases((request) => {
      this.#sendToLeader(request);
      this.#repeatLater();
    });
    const { predecessors } = parts;
    const [lease, instance] = [this.#lease, this.#instance];
    const mayNotLead = (): string | null => this.#watchdog.refusal();
    const shared = { incarnation, lease, instance, releases: this.#releases, mayNotLead };
    this.#grants = new Grants({ ...shared, predecessors, log });
    this.#orders = new Orders({
      ...shared,
      olderHolder: (epoch) => this.#grants.olderHolder(epoch),
      grantKnown: (epoch) => this.#grants.knows(epoch),
      onPosition: (position) => this.#position.told(position, performance.now()),
      onPromises: (promises) => this.#promised(promises),
      onShutdown: parts.onShutdown,
      log,
    });
  }

  /** Before anything else, ends what a dead guard of this instance has left (safety 13). */
  async begin(): Promise<void> {
    const { settings, log, predecessors, incarnation } = this.#parts;
    this.#fuse.sweep();
    const killed = await this.#postmaster.sweep();
    if (killed > 0) log.warn('processes left by a dead guard killed', { killed });
    this.#instance.wentDown();
    this.#watchdog.begin();
    await this.#agent.listen(settings.socketPath);
    this.#links.start();
    this.#lease.begin();
    log.info('guard ready', {
      incarnation,
      pid: process.pid,
      predecessors: predecessors.length,
      dataDirectory: settings.postgres.dataDirectory,
    });
  }

  /** Stops PostgreSQL, gives the lease back, and resolves when nothing is left to do. */
  shutDown(): Promise<void> {
    this.#ended ??= this.#shutDown();
    return this.#ended;
  }

  async #shutDown(): Promise<void> {
    const { settings, log, incarnation } = this.#parts;
    this.#orders.end();
    log.info('guard ends', { postmaster: this.#postmaster.state, epoch: this.#lease.epoch });
    const killMs = this.#lease.timing.guardKillMs;
    const limits = { budgetMs: settings.timing.shutdownStopMs, killMs };
    const refusal = await this.#instance.stop('fast', limits);
    if (refusal !== null) await this.#instance.stop('immediate', limits);
    const { epoch } = this.#lease;
    if (epoch !== null) {
      this.#lease.release(epoch);
      // What the agent said last is not the end of WAL, which a switchover's target must have.
      const release = { epoch, incarnation, reason: 'shutdown', position: null } as const;
      await Promise.race([this.#releases.add(release), delay(LAST_RELEASE_LIMIT_MS)]);
    }
    clearTimeout(this.#repeatTimer);
    this.#lease.end();
    this.#links.stop();
    this.#agent.close();
  }

  /** Until it is answered: whoever sends again comes back here. */
  #repeatLater(): void {
    this.#repeatTimer ??= setTimeout(() => {
      this.#repeatTimer = undefined;
      this.#releases.repeat();
    }, this.#lease.timing.renewIntervalMs);
  }

  #effects(): HolderEffects {
    return {
      sendRenewal: (epoch, nonce, to, endangered) => {
        const { incarnation } = this.#parts;
        const failsafeVersion = this.#failsafe.versionFor(epoch);
        const [postmaster, agentAbsentMs] = [this.#postmaster.state, this.#agentAbsentMs()];
        const position = this.#position.fresh(performance.now());
        const request = { type: 'renew', incarnation, epoch, nonce, postmaster } as const;
        this.#send({ ...request, agentAbsentMs, position, failsafeVersion }, to);
        if (endangered) this.#wantPromises(epoch, nonce);
      },
      rightConfirmed: (epoch) => {
        const killAtBootMs = this.#lease.killAtBootMs();
        if (killAtBootMs !== null) this.#lastResorts.feed(killAtBootMs);
        // Before the answer, with which the agent looks at what the guard holds.
        this.#pushState();
        this.#orders.confirmed(epoch);
      },
      stopNow: (reason, epoch, graceMs) => {
        this.#instance.fence(reason, epoch, graceMs);
        this.#pushState();
      },
    };
  }

  #onAnswer(controller: string, answer: GuardAnswer): void {
    switch (answer.type) {
      case 'renewed':
        this.#lease.renewed(answer.epoch, answer.nonce, answer.crowdIntervalMs ?? null);
        return;
      case 'renewalRefused':
        this.#parts.log.warn('renewal refused', { epoch: answer.epoch, why: answer.reason });
        this.#lease.refused(answer.epoch);
        this.#orders.refused(answer.epoch, answer.reason);
        this.#pushState();
        return;
      case 'handBack':
        if (!this.#agent.attached) this.#orders.handBack(answer.epoch);
        return;
      case 'released':
        if (this.#releases.answered(answer.epoch, { kind: 'released' })) {
          this.#parts.log.info('lease released', { epoch: answer.epoch });
        }
        return;
      case 'releaseRefused':
        this.#parts.log.info('release refused', { epoch: answer.epoch, why: answer.reason });
        this.#releases.answered(answer.epoch, { kind: 'refused', reason: answer.reason });
        return;
      case 'leader':
        if (this.#leader.told(answer.name, answer.term, controller)) this.#leaderKnown();
        return;
      case 'granted':
        this.#grants.learn(answer);
        this.#orders.granted(answer.epoch);
        return;
      case 'failsafe':
        this.#failsafe.learn(answer);
        return;
      default:
        unreachable(answer);
    }
  }

  /** A cluster of one has nobody who could be promoted, and nobody to ask. */
  #wantPromises(epoch: Epoch, nonce: number): void {
    const members = this.#failsafe.othersFor(epoch);
    if (members === null) return;
    if (members.length === 0) this.#promised({ type: 'promises', epoch, nonce, from: [] });
    else this.#agent.push({ type: 'promisesWanted', epoch, nonce, members });
  }

  #promised({ epoch, nonce, from }: Extract<LocalNote, { type: 'promises' }>): void {
    if (this.#failsafe.isComplete(epoch, from)) this.#lease.promised(epoch, nonce);
  }

  #controllerUp(controller: string): void {
    this.#links.sendTo(controller, this.#guardState());
    if (controller === this.#leader.name) this.#leaderKnown();
    this.#pushState();
  }

  #leaderKnown(): void {
    this.#lease.leaderAnnounced();
    this.#releases.repeat();
  }

  #postmasterChanged(): void {
    if (this.#postmaster.state === 'down') this.#instance.wentDown();
    if (this.#postmaster.state === 'running') this.#fuse.prepare();
    this.#links.sendToAll(this.#guardState());
    this.#pushState();
  }

  #guardState(): GuardRequest {
    const { incarnation } = this.#parts;
    const postmaster = this.#postmaster.state;
    return { type: 'guardState', incarnation, epoch: this.#lease.epoch, postmaster };
  }

  #sendToLeader(request: GuardRequest): void {
    this.#send(request, 'leader');
  }

  #send(request: GuardRequest, to: 'leader' | 'all'): void {
    const leader = this.#leader.name;
    if (to === 'leader' && leader !== null && this.#links.isUp(leader)) {
      this.#links.sendTo(leader, request);
    } else {
      this.#links.sendToAll(request);
    }
  }

  #agentAbsentMs(): number {
    return this.#agent.attached ? 0 : Math.round(performance.now() - this.#agentGoneAtMs);
  }

  #pushState(): void {
    this.#agent.push({
      type: 'state',
      incarnation: this.#parts.incarnation,
      pid: process.pid,
      postmaster: this.#postmaster.state,
      postmasterPid: this.#postmaster.pid,
      downForMs: this.#postmaster.downForMs,
      epoch: this.#lease.epoch,
      remainingMs: this.#lease.untilStopMs(),
      controllersConnected: this.#links.connected,
      lastStop: this.#instance.lastStop,
    });
  }
}
