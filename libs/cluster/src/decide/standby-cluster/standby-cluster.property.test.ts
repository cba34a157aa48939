/**
 * Two clusters of one data under the same controllers, turned at random: orders of two operators that cross,
 * lost primaries, stale reports. At most one of them ever has the right to write, and what was promoted
 * without an operator's word has all that was ever written.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lsnOf, timelineId } from '#libs/kernel';
import { dataOn, holding, primaryOn, runningCluster, Scenario, standbyAt } from '#libs/testing';
import { admit } from '../../admit.ts';
import type { CommandDecision, OperatorCommand } from '../../decision.ts';
import { evolve } from '../../evolve.ts';
import { decideCommand } from '../decide.ts';

type Name = 'main' | 'dr';
type Written = { readonly timeline: number; readonly lsn: bigint };

const HOSTS = { main: 'pg1', dr: 'dr1' } as const;
const OTHER = { main: 'dr', dr: 'main' } as const;

/** The truth beside what the rules know: what was written, and what each cluster has of it. */
class World {
  readonly clusters: Readonly<Record<Name, Scenario>>;
  written: Written = { timeline: 1, lsn: 100n };
  readonly received = new Map<Name, Written>();
  readonly forks = new Map<number, { from: number; lsn: bigint }>();

  constructor() {
    const standbyOf = { host: 'pg1', port: 5432, slot: null, user: null };
    const dr = new Scenario({}, { name: 'dr', standbyOf });
    dr.hears('dr1').settle();
    dr.hears('dr1', { dataDirectory: dataOn(1), postgres: standbyAt(1, 100n) }).settle();
    this.clusters = { main: runningCluster({}, { name: 'main' }), dr };
    this.clusters.main.others = [dr];
    dr.others = [this.clusters.main];
    for (const name of ['main', 'dr'] as const) this.received.set(name, this.written);
  }

  writer(): Name | null {
    const holders = (['main', 'dr'] as const).filter(
      (name) => this.clusters[name].state.lease.kind === 'Held',
    );
    expect(holders.length).toBeLessThan(2);
    return holders[0] ?? null;
  }

  /** Bytes are written; the other cluster gets this many of them. */
  write(bytes: bigint, late: bigint): void {
    const name = this.writer();
    if (name === null || !serves(this.clusters[name])) return;
    const { timeline, lsn } = this.written;
    this.written = { timeline, lsn: lsn + bytes };
    this.received.set(name, this.written);
    const behind = this.written.lsn - (late > bytes ? bytes : late);
    this.received.set(OTHER[name], { timeline, lsn: behind });
    this.report(name);
    this.report(OTHER[name]);
  }

  catchUp(name: Name): void {
    if (this.clusters[name].state.following === undefined) return;
    this.received.set(name, this.written);
    this.report(name);
  }

  /** What the instance of a cluster would say now. */
  report(name: Name): void {
    const scenario = this.clusters[name];
    const { lease, following } = scenario.state;
    const at = this.received.get(name) ?? this.written;
    const dataDirectory = dataOn(at.timeline, this.#ancestors(at.timeline));
    if (lease.kind === 'Held') {
      const postgres = primaryOn(lease.timeline, at.lsn);
      scenario.hears(HOSTS[name], {
        dataDirectory,
        postgres,
        guard: holding(HOSTS[name], lease.epoch),
      });
    } else if (following !== undefined) {
      const idle = { ...holding(HOSTS[name], 1), epoch: null };
      const postgres = standbyAt(at.timeline, at.lsn);
      scenario.hears(HOSTS[name], { dataDirectory, postgres, guard: idle });
    }
    scenario.settle();
  }

  #ancestors(timeline: number): [number, bigint][] {
    const fork = this.forks.get(timeline);
    return fork === undefined ? [] : [...this.#ancestors(fork.from), [fork.from, fork.lsn]];
  }

  order(name: Name, command: OperatorCommand): CommandDecision {
    return decideCommand(this.clusters[name].input, command);
  }

  /** As the log would: in the order in which it comes, and not when it is not admitted any more. */
  commit(name: Name, order: CommandDecision, version: number): void {
    const scenario = this.clusters[name];
    if (order.kind !== 'decided' || scenario.state.version !== version) return;
    let { state } = scenario;
    for (const event of order.decision.events) {
      if (admit(state, event, () => this.clusters[OTHER[name]].state) !== null) return;
      const [sequence, next] = [state.sequence + 1, state.version + 1];
      const cause = { by: 'test', rule: 'test' };
      state = evolve(state, {
        cluster: state.name,
        sequence,
        version: next,
        at: state.lastEventAt,
        cause,
        event,
      });
    }
    const promoted = order.decision.events.find((event) => event.type === 'ClusterPromoted');
    if (promoted?.acceptUnknown === false) {
      const { timeline, lsn } = this.received.get(name) ?? promoted.received;
      expect({ timeline, lsn }).toEqual(this.written);
    }
    scenario.record(order.decision.events);
    if (promoted !== undefined) this.#promoted(name);
    this.writer();
  }

  #promoted(name: Name): void {
    const { lease } = this.clusters[name].state;
    if (lease.kind !== 'Held') return;
    const from = this.received.get(name) ?? this.written;
    this.forks.set(lease.timeline, { from: from.timeline, lsn: from.lsn });
    this.written = { timeline: lease.timeline, lsn: from.lsn };
    this.received.set(name, this.written);
    this.report(name);
  }

  /** The stop that a demotion asks for ends, cleanly or not. */
  stop(clean: boolean): void {
    const name = this.writer();
    if (name === null) return;
    const scenario = this.clusters[name];
    const { lease, operation } = scenario.state;
    if (lease.kind !== 'Held' || operation.kind !== 'demotion') return;
    const { timeline, lsn } = this.written;
    const position = clean ? { timeline: timelineId(timeline), lsn: lsnOf(lsn) } : null;
    const reason = clean ? 'hand-over' : 'guard-dead';
    scenario.releases(reason, position).settle();
    this.report(name);
  }

  /** The primary's host is gone, and nobody of its cluster can take over. */
  lose(): void {
    const name = this.writer();
    if (name === null) return;
    const scenario = this.clusters[name];
    for (const host of Object.keys(scenario.observations.instances)) scenario.silent(host);
    scenario.with({ lease: { silentMs: 3_161, expiryDue: true } }).settle();
  }
}

function serves({ state: { lease } }: Scenario): boolean {
  return lease.kind === 'Held' && lease.serving;
}

const name = fc.constantFrom<Name>('main', 'dr');
const act = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    bytes: fc.bigInt(1n, 50n),
    late: fc.bigInt(0n, 50n),
  }),
  fc.record({ kind: fc.constant('catchUp' as const), name }),
  fc.record({ kind: fc.constant('demote' as const), name, word: fc.boolean() }),
  fc.record({ kind: fc.constant('promote' as const), name, word: fc.boolean() }),
  fc.record({ kind: fc.constant('promoteBoth' as const), word: fc.boolean() }),
  fc.record({ kind: fc.constant('stop' as const), clean: fc.boolean() }),
  fc.record({ kind: fc.constant('lose' as const) }),
);

describe('a pair of clusters', () => {
  it('never has two that may write, and loses nothing without a word', () => {
    let turned = 0;
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const world = new World();
        for (const step of acts) {
          if (step.kind === 'write') world.write(step.bytes, step.late);
          else if (step.kind === 'catchUp') world.catchUp(step.name);
          else if (step.kind === 'stop') world.stop(step.clean);
          else if (step.kind === 'lose') world.lose();
          else turned += turn(world, step);
          world.writer();
        }
      }),
      { numRuns: 400 },
    );
    // A world in which nothing is ever turned would prove nothing.
    expect(turned).toBeGreaterThan(30);
  });
});

type Turn = Extract<
  typeof act extends fc.Arbitrary<infer Each> ? Each : never,
  { kind: 'demote' | 'promote' | 'promoteBoth' }
>;

/** Two orders of `promoteBoth` are decided on what stood before either was committed. */
function turn(world: World, step: Turn): number {
  const promote = { type: 'promoteCluster', lastWritten: null, acceptUnknown: step.word } as const;
  const names = step.kind === 'promoteBoth' ? (['main', 'dr'] as const) : [step.name];
  const orders = names.map((each) => {
    const remote = { host: HOSTS[OTHER[each]], port: 5432, slot: null, user: null };
    const demote = { type: 'demoteCluster', remote, acceptUnknown: step.word } as const;
    const { version } = world.clusters[each].state;
    return { each, version, order: world.order(each, step.kind === 'demote' ? demote : promote) };
  });
  const before = names.map((each) => world.clusters[each].state.version);
  for (const { each, order, version } of orders) world.commit(each, order, version);
  for (const each of names) world.clusters[each].settle();
  return names.filter((each, index) => world.clusters[each].state.version !== before[index]).length;
}
