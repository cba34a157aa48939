import {
  type AgentReport,
  type AsideReport,
  calmMsOf,
  type RebuildReport,
  rebuildOrderOf,
} from '#libs/cluster';
import { endpointOf, type Snapshot } from './agent-eyes.ts';
import type { AgentLife } from './agent-life.ts';
import { endOf } from './wal.ts';

const REPORT_MS = 300;
const HURRY_MS = 20;
/** Sooner than the real agent, and while WAL is written too: the harder case for whoever counts on reports. */
const CALM_AFTER_MS = 1_000;

/** What an agent tells the leader, at intervals and when there is news. */
export class AgentReports {
  #hurry = false;
  #timer = 0;
  #news = '';
  #newsAtMs = 0;

  constructor(readonly life: AgentLife) {}

  setHurry(hurry: boolean): void {
    if (hurry === this.#hurry) return;
    this.#hurry = hurry;
    this.report();
  }

  reportNews(snapshot: Snapshot): void {
    const news = this.#newsOf(snapshot);
    if (news === this.#news) return;
    this.#news = news;
    this.#newsAtMs = this.life.node.host.nowMs();
    this.report();
  }

  #newsOf({ postgres, directory, guard }: Snapshot): string {
    const role = postgres.kind === 'primary' ? postgres.timeline : '';
    const { goal } = this.life;
    const awaited = goal?.kind === 'standby' && goal.hurry && postgres.kind === 'standby';
    const received = awaited ? postgres.receivedLsn : '';
    const { detached, synchronous } = this.life.facts;
    const seen = `${postgres.kind} ${role} ${received} ${guard?.incarnation} ${guard?.epoch} ${directory.kind}`;
    const done = `${detached?.throughEpoch} ${this.life.reconciler.actedVersion}`;
    const sync = `${synchronous?.order} ${synchronous?.armed} ${synchronous?.flushedTo}`;
    return `${seen} ${done} ${sync} ${this.life.desk.wants} ${this.#rebuildReport().phase}`;
  }

  report(): void {
    this.#timer += 1;
    const timer = this.#timer;
    this.life.process.after(this.#hurry ? HURRY_MS : REPORT_MS + this.#calmMs(), () => {
      if (timer === this.#timer) this.report();
    });
    const { leader } = this.life.controllers;
    const seen = this.life.eyes.latest;
    if (leader === null || seen === null) return;
    this.life.controllers.report(leader, this.#reportOf(seen));
  }

  #calmMs(): number {
    const { state, node } = this.life;
    if (this.#hurry || state === null || state.operation.kind !== 'none') return 0;
    const isCalm = node.host.nowMs() - this.#newsAtMs >= CALM_AFTER_MS;
    return isCalm ? calmMsOf(state.settings) : 0;
  }

  #reportOf(seen: Snapshot): AgentReport {
    const { guard, directory, postgres } = seen;
    const { swarm } = this.life.world;
    const nowMs = this.life.node.host.nowMs();
    const { stalledForMs } = this.life.node.postgres;
    const up = postgres.kind === 'primary' || postgres.kind === 'standby';
    return {
      instance: this.life.node.name,
      actedVersion: this.life.reconciler.actedVersion,
      postgresEndpoint: endpointOf(this.life.node),
      agentEndpoint: { host: this.life.node.name, port: 8_008 },
      tags: {
        noFailover: swarm.noFailover === this.life.node.name,
        noLoadBalance: false,
        failoverPriority: swarm.preferred === this.life.node.name ? 10 : 0,
        noSync: swarm.noSync === this.life.node.name,
      },
      replicationName: this.life.node.replicationName,
      probes: this.life.prober.report(),
      guard:
        guard === null
          ? null
          : {
              incarnation: guard.incarnation,
              epoch: guard.epoch,
              remainingMs: guard.remainingMs,
            },
      dataDirectory: directory,
      postgres,
      detached: this.life.facts.detached,
      lookAgeMs: Math.round(nowMs - seen.begunMs),
      calmForMs: this.#calmMs(),
      abandonedHandOver: this.life.facts.abandonedHandOver,
      downForMs: up ? 0 : Math.round(nowMs - (this.life.eyes.servedAtMs ?? nowMs)),
      stall: stalledForMs === null ? null : { of: 'wal-flush', forMs: Math.round(stalledForMs) },
      activity: this.life.steps.running?.kind ?? null,
      problem: this.life.reconciler.problem,
      rebuild: this.#rebuildReport(),
      aside: this.#asideReport(),
    };
  }

  #asideReport(): AsideReport | null {
    const { directory } = this.life.node.postgres;
    const { aside, systemIdentifier } = directory;
    if (aside === null) return null;
    const position = { timeline: aside.branch.timeline, lsn: endOf(aside) };
    return { directory: 'aside', systemIdentifier, position };
  }

  #rebuildReport(): RebuildReport {
    const { state, node } = this.life;
    const order = state === null ? null : (rebuildOrderOf(state, node.name)?.order ?? null);
    const done = order !== null && node.files.rebuiltOrder === order;
    const copying = this.life.steps.running?.kind === 'rebuild' ? 'copying' : 'waiting';
    const after = node.postgres.receiver === null ? 'starting' : 'streaming';
    return {
      wants: this.life.desk.wants,
      order,
      phase: done ? after : copying,
      method: 'basebackup',
      doneBytes: 0n,
      totalBytes: null,
      bytesPerSecond: null,
      secondsLeft: null,
      tookMs: 0,
      failures: [],
    };
  }
}
