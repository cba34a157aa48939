import { type ClusterView, clusterViewOf, type Heard, keptAcknowledged } from '#libs/api';
import {
  type ClusterState,
  type Outage,
  type RecordedEvent,
  type Standing,
  standingsOf,
} from '#libs/cluster';
import { historyKey, outageKey, PREFIX } from '#libs/event-store';
import type { ClusterName, InstanceName } from '#libs/kernel';
import type { Service } from '#libs/leader';
import { decode } from '#libs/protocol';
import type { RaftHost } from '../raft-host/raft-host.ts';
import type { StateReader } from '../raft-host/state-reader.ts';
import { inSlices } from './in-slices.ts';

/** Of one outage: a failover that is begun anew again and again may have more, and is told as one that may have lost. */
const OUTAGE_EVENTS_MAX = 200;
/** Among which lies what was relied on when an outage began, unless much else happened. */
const EVENTS_BEFORE = 256;

/** What people are shown: committed state, and on the leader what was heard besides. */
export class ReadModel {
  constructor(
    readonly host: RaftHost,
    readonly reader: StateReader,
    readonly service: () => Service | null,
  ) {}

  /** All of them in the order of their names, in slices. */
  clusters(): AsyncGenerator<readonly ClusterView[]> {
    return inSlices(this.#sorted(), (state) => this.view(state));
  }

  get clusterNames(): ClusterName[] {
    return this.#sorted().map(({ name }) => name);
  }

  #sorted(): ClusterState[] {
    return this.host.store.clusters().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  cluster(name: ClusterName): ClusterState | null {
    return this.host.store.cluster(name);
  }

  /** By a name as somebody wrote it. */
  clusterNamed(name: string): ClusterState | null {
    return this.host.store.clusters().find((state) => state.name === name) ?? null;
  }

  view(state: ClusterState): ClusterView {
    return clusterViewOf(state, this.heard(state), this.listeningForMs);
  }

  /** As the leader; null on followers. */
  get listeningForMs(): number | null {
    return this.service()?.observations.servingForMs ?? null;
  }

  /** Empty on followers: they have committed state only. */
  heard(state: ClusterState): Map<InstanceName, Heard> {
    const heard = new Map<InstanceName, Heard>();
    const service = this.service();
    if (service === null) return heard;
    const { instances } = service.observations.of(state.name, service.leaseOf(state));
    for (const { report, reportAgeMs } of Object.values(instances)) {
      if (report === null || reportAgeMs === null) continue;
      const twin = service.names.problem(state.name, report.instance);
      const told = twin === null ? report : { ...report, problem: twin };
      heard.set(report.instance, { report: told, ageMs: Math.round(reportAgeMs) });
    }
    return heard;
  }

  /** Who could take over, and who not; nobody knows but the leader. */
  standings(state: ClusterState): Standing[] {
    const service = this.service();
    if (service === null) return [];
    const observations = service.observations.of(state.name, service.leaseOf(state));
    return standingsOf({ state, observations });
  }

  /** Events with a larger sequence than `after`, oldest first. */
  async events(cluster: ClusterName, after: number, limit: number): Promise<RecordedEvent[]> {
    const prefix = `${PREFIX.history}${cluster}/`;
    const records = await this.reader.page(prefix, historyKey(cluster, after + 1), limit);
    return records.map(({ value }) => decode(value) as RecordedEvent);
  }

  /** Of one outage; its events are looked at only where there is something that looks lost. */
  async keptAcknowledged(cluster: ClusterName, outage: Outage): Promise<boolean> {
    const { kind, outcome, sequence, lostBytes, divergedWal } = outage;
    if (kind !== 'failover' || outcome !== 'completed') return false;
    if (lostBytes === 0n && divergedWal === undefined) return false;
    const after = Math.max(0, sequence - 1 - EVENTS_BEFORE);
    const limit = sequence - 1 - after + OUTAGE_EVENTS_MAX;
    return keptAcknowledged(await this.events(cluster, after, limit), sequence);
  }

  /** The newest failovers and switchovers, the newest first. */
  async outages({ name, lastOutage }: ClusterState, limit: number): Promise<Outage[]> {
    if (lastOutage === undefined) return [];
    const from = outageKey(name, Math.max(1, lastOutage.number - limit + 1));
    const records = await this.reader.page(`${PREFIX.outage}${name}/`, from, limit);
    return records.map(({ value }) => decode(value) as Outage).toReversed();
  }
}
