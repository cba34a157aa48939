import {
  admit,
  type ClusterEvent,
  type ClusterState,
  evolve,
  heldBackFor,
  numberFloor,
  type Outage,
  type RecordedEvent,
  raisesVersion,
  vocabularyProblem,
  withDefaults,
} from '#libs/cluster';
import { type ClusterName, type EpochMs, epochMs } from '#libs/kernel';
import { type Command, type CommandResult, UnknownEntryError } from './command.ts';
import { clusterKey, historyKey, outageKey } from './keys.ts';
import type { StateWrite, StorePorts } from './ports.ts';

type Append = Extract<Command, { type: 'append' }>;

/** Events of one cluster kept for `events`, `explain` and replay; older ones are dropped at apply. */
export const HISTORY_MAX = 100_000;
/** Failovers and switchovers of one cluster kept in its ledger, however old their events. */
export const OUTAGES_MAX = 1_000;

/** The event streams: one per PostgreSQL cluster, with the state that its events fold to. */
export class Streams {
  readonly #states = new Map<ClusterName, ClusterState>();

  constructor(readonly ports: StorePorts) {}

  get(cluster: ClusterName): ClusterState | null {
    return this.#states.get(cluster) ?? null;
  }

  all(): ClusterState[] {
    return [...this.#states.values()];
  }

  /**
   * Rejects, deterministically, a decision that was made on another version, or that the rules of the
   * lease do not admit at this point.
   */
  append(
    command: Append,
    protocol: number,
    writes: StateWrite[],
    recorded: RecordedEvent[],
  ): CommandResult {
    const { cluster, expectedVersion, events, cause } = command;
    const before = this.get(cluster);
    const version = before?.version ?? 0;
    const held = heldBackFor(events, protocol);
    if (held !== null) {
      for (const event of events) requireKnown(event, cluster);
      const message = `${cluster}: ${held}`;
      return { type: 'rejected', code: 'NOT_ADMITTED', message, current: version };
    }
    if (expectedVersion !== version) {
      const message = `${cluster} is at version ${version}, the decision was made at ${expectedVersion}`;
      return { type: 'rejected', code: 'STALE_VERSION', message, current: version };
    }
    let state = before;
    // One batch may end an outage and begin the next.
    const outages = new Map<number, Outage>();
    let at = laterOf(before?.lastEventAt ?? epochMs(0), command.at);
    for (const event of events) {
      const refusal = admit(state, event, (name) => this.get(name));
      if (refusal !== null) {
        recorded.length = 0;
        const message = `${cluster}: ${event.type}: ${refusal}`;
        return { type: 'rejected', code: 'NOT_ADMITTED', message, current: version };
      }
      const floor = numberFloor(event);
      const next: RecordedEvent = {
        cluster,
        sequence: Math.max(floor, (state?.sequence ?? 0) + 1),
        version: Math.max(floor, (state?.version ?? 0) + (raisesVersion(event) ? 1 : 0)),
        at,
        cause,
        event,
      };
      const known: Outage | undefined = state?.lastOutage;
      state = evolve(state, next);
      const { lastOutage } = state;
      if (lastOutage !== undefined && lastOutage !== known)
        outages.set(lastOutage.number, lastOutage);
      at = state.lastEventAt;
      recorded.push(next);
    }
    if (state === null) return { type: 'appended', version: 0, sequence: 0 };
    this.#keep(state, recorded, writes);
    for (const outage of outages.values()) this.#keepOutage(cluster, outage, writes);
    return { type: 'appended', version: state.version, sequence: state.sequence };
  }

  restore(value: Uint8Array): void {
    const state = this.ports.decode(value) as ClusterState;
    // Written by a version that knew fewer settings: what is missing means what it meant then.
    this.#states.set(state.name, { ...state, settings: withDefaults(state.settings) });
  }

  #keep(state: ClusterState, recorded: readonly RecordedEvent[], writes: StateWrite[]): void {
    this.#states.set(state.name, state);
    for (const event of recorded) {
      const key = historyKey(state.name, event.sequence);
      writes.push({ type: 'put', key, value: this.ports.encode(event) });
      const old = event.sequence - HISTORY_MAX;
      if (old > 0) writes.push({ type: 'del', key: historyKey(state.name, old) });
    }
    const value = this.ports.encode(state);
    writes.push({ type: 'put', key: clusterKey(state.name), value });
  }

  #keepOutage(cluster: ClusterName, outage: Outage, writes: StateWrite[]): void {
    const value = this.ports.encode(outage);
    writes.push({ type: 'put', key: outageKey(cluster, outage.number), value });
    const old = outage.number - OUTAGES_MAX;
    if (old > 0) writes.push({ type: 'del', key: outageKey(cluster, old) });
  }
}

/** Before anything else: also a decision that is stale here must be understood to be called so. */
function requireKnown(event: ClusterEvent, cluster: ClusterName): void {
  const problem = vocabularyProblem(event, Number.MAX_SAFE_INTEGER);
  if (problem !== null) throw new UnknownEntryError(`${problem.what} of cluster ${cluster}`);
}

function laterOf(a: EpochMs, b: EpochMs): EpochMs {
  return a > b ? a : b;
}
