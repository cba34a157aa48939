/** Restarts of PostgreSQL: one instance at a time, the primary last, after a switchover where asked. */
import type { InstanceName } from '#libs/kernel';
import type { CommandDecision, Decision, DecisionInput, OperatorCommand } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import { followedArchive, rootOf } from '../../remote/following.ts';
import type { AgentReport } from '../../report.ts';
import { heldBack } from '../../restart/capacity.ts';
import { CAPACITY_SETTINGS } from '../../restart/capacity-settings.ts';
import { shrinks } from '../../restart/pending-restart.ts';
import type { RestartPlan } from '../../restart/restart-plan.ts';
import { parametersFor } from '../../revisions.ts';
import { type ClusterState, memberNames } from '../../state.ts';
import { refused } from '../refusal.ts';
import { freshReport } from '../sight.ts';
import { decideSwitchover } from '../switchover/switchover.ts';

/** From the order until it serves again; a large shutdown checkpoint takes its time. */
const RESTART_LIMIT_MS = 180_000;
/** PostgreSQL is down again and its agent says why: it will not come back by itself. */
const NOT_BACK_MS = 30_000;
/** For what the next one needs: everybody streams, a target for the switchover. */
const WAIT_LIMIT_MS = 120_000;

export function decideRestart(
  input: DecisionInput,
  { instances, rolling, onlyPending, role, at }: Extract<OperatorCommand, { type: 'restart' }>,
): CommandDecision {
  const { lease, restart } = input.state;
  const root = rootOf(input.state);
  if (restart != null) {
    const left = restart.instances.join(', ');
    return refused('restart-planned', left, 'no other restart: `matriarch restart --cancel`');
  }
  if (root === null) return refused('no-primary', lease.kind, 'a serving primary');
  const holder = primaryOf(input.state);
  const wanted = (instances ?? memberNames(input.state)).filter(
    (name) => role === null || (name === holder) === (role === 'primary'),
  );
  if (wanted.length === 0) return refused('nobody', 'no instance', 'at least one that fits');
  // The one that the others stream from comes last, also where it is a standby leader.
  const standbys = wanted.filter((name) => name !== root).sort();
  const primary = wanted.includes(root) ? [root] : [];
  const smaller =
    holder !== null && freshReport(input, holder)?.pendingRestart?.some(shrinks) === true;
  const event = {
    type: 'RestartPlanned',
    instances: smaller ? [...primary, ...standbys] : [...standbys, ...primary],
    // Standbys cannot start with less than the primary has: there the primary goes first, in place.
    rolling: rolling && !smaller,
    onlyPending,
    notBefore: at,
    startedAt: startTimes(input, wanted),
  } as const;
  return { kind: 'decided', decision: { rule: 'operator-restart', events: [event] } };
}

function startTimes(input: DecisionInput, names: readonly InstanceName[]) {
  const times = names.flatMap((name) => {
    const startedAt = freshReport(input, name)?.postmasterStartedAt;
    return startedAt === undefined ? [] : [[name, startedAt] as const];
  });
  return Object.fromEntries(times);
}

export function decideCancelRestart({ state }: DecisionInput): CommandDecision {
  if (state.restart == null) return { kind: 'satisfied', why: 'no restart is planned' };
  const event = { type: 'RestartEnded', outcome: 'cancelled', reason: 'by an operator' } as const;
  return { kind: 'decided', decision: { rule: 'operator-cancel-restart', events: [event] } };
}

/** Takes a planned restart on by one step. */
export function runRestarts(input: DecisionInput): Decision | null {
  const { restart, operation, paused } = input.state;
  const root = rootOf(input.state);
  if (restart == null || operation.kind !== 'none' || root === null) return null;
  if (restart.current !== null) return watchCurrent(input, restart.current, restart.instances);
  const { notBefore } = restart;
  const wallMs = input.observations.wallMs ?? 0;
  if (paused || (notBefore !== null && wallMs < notBefore)) return null;
  return next(input, root, restart);
}

/** A cluster that follows another has none. */
function primaryOf(state: ClusterState): InstanceName | null {
  return state.following === undefined ? rootOf(state) : null;
}

function next(input: DecisionInput, root: InstanceName, plan: RestartPlan): Decision | null {
  const [instance] = plan.instances;
  if (instance === undefined) {
    const reason = `${plan.done.length} instances`;
    return one({ type: 'RestartEnded', outcome: 'completed', reason });
  }
  const report = freshReport(input, instance);
  const startedAt = report?.postmasterStartedAt ?? null;
  if (report === null || startedAt === null) {
    return unlessLate(input, `PostgreSQL of ${instance} is not seen to run`);
  }
  if (startedAt !== (plan.startedAt[instance] ?? startedAt)) {
    return one({ type: 'RestartSkipped', instance, reason: 'it was started since' });
  }
  const asPrimary = instance === primaryOf(input.state);
  const held = asPrimary ? heldBack(input.state, instance) : [];
  if (plan.onlyPending && !waitsForRestart(report) && held.length === 0) {
    return one({ type: 'RestartSkipped', instance, reason: 'no setting waits for it' });
  }
  const waitsFor = whoDoesNotStream(input, root, instance);
  if (waitsFor !== null) return unlessLate(input, `${waitsFor} does not stream`);
  if (instance !== root) return one({ type: 'RestartOrdered', instance, startedAt, asPrimary });
  if (plan.rolling && memberNames(input.state).length > 1) {
    const verdict = decideSwitchover(input, null);
    if (verdict.kind === 'decided') return verdict.decision;
    const [refusal] = verdict.kind === 'refused' ? verdict.refusals : [];
    return unlessLate(input, `no standby can take over: ${refusal?.rule ?? 'unknown'}`);
  }
  const small = asPrimary ? tooSmall(input, instance) : null;
  if (small !== null) return failed(small);
  return one({ type: 'RestartOrdered', instance, startedAt, asPrimary });
}

/** What was rejected waits too: it is tried again, since what it lacked may be there now. */
function waitsForRestart({ pendingRestart = [], configurationRejected }: AgentReport): boolean {
  return pendingRestart.length > 0 || configurationRejected != null;
}

/** A primary with more than its standbys have would stop them all. */
function tooSmall({ state, ...input }: DecisionInput, primary: InstanceName): string | null {
  const wanted = parametersFor(state.postgres, 'primary', primary);
  for (const name of memberNames(state)) {
    if (name === primary) continue;
    const own = freshReport({ state, ...input }, name)?.server?.settings;
    for (const setting of CAPACITY_SETTINGS) {
      const [mine, least] = [own?.[setting], Number(wanted[setting])];
      if (mine !== undefined && mine < least) {
        return `${name} runs with ${setting} = ${mine}, less than ${least}: restart it first, or use --rolling`;
      }
    }
  }
  return null;
}

function whoDoesNotStream(
  input: DecisionInput,
  root: InstanceName,
  next: InstanceName,
): InstanceName | null {
  const others = memberNames(input.state).filter((name) => name !== root && name !== next);
  return others.find((name) => !serves(input.state, freshReport(input, name), false)) ?? null;
}

function watchCurrent(
  input: DecisionInput,
  { instance, startedAt, asPrimary }: NonNullable<RestartPlan['current']>,
  planned: RestartPlan['instances'],
): Decision | null {
  const others = planned.filter((name) => name !== instance);
  const left = others.length === 0 ? '' : `; not restarted: ${others.join(', ')}`;
  const report = freshReport(input, instance);
  // Another event may have come since, and a new leader knows of no time at all.
  const { sinceRestartOrderedMs, sinceChangeMs } = input.observations;
  const restarted = (report?.postmasterStartedAt ?? startedAt) !== startedAt;
  const rejected = report?.configurationRejected ?? null;
  if ((instance === primaryOf(input.state)) !== asPrimary) {
    const problem = rejected?.reason ?? report?.problem ?? null;
    const why = problem === null ? '' : `: ${problem}`;
    return failed(`the primary changed while ${instance} was restarted${why}${left}`);
  }
  // Before that it may be what was said of the start before this one.
  if (restarted && rejected !== null) {
    return failed(
      `${instance} does not start with revision ${rejected.revision}: ${rejected.reason}${left}`,
    );
  }
  if (restarted && serves(input.state, report, asPrimary)) {
    return one({ type: 'RestartDone', instance, tookMs: Math.round(sinceRestartOrderedMs ?? 0) });
  }
  const down = report?.postgres.kind === 'stopped' && report.problem !== null;
  const limitMs = down ? NOT_BACK_MS : RESTART_LIMIT_MS;
  if ((sinceRestartOrderedMs ?? sinceChangeMs) <= limitMs) return null;
  const why = report?.problem ?? 'no reason is known';
  return failed(`${instance} did not serve again within ${limitMs / 1_000} s: ${why}${left}`);
}

function failed(reason: string): Decision {
  return one({ type: 'RestartEnded', outcome: 'failed', reason });
}

function serves(state: ClusterState, report: AgentReport | null, asPrimary: boolean) {
  if (report === null) return false;
  const { postgres, tags, instance } = report;
  if (asPrimary) return postgres.kind === 'primary' && !postgres.readOnly;
  if (postgres.kind !== 'standby') return false;
  const leads = state.following?.leader === instance && followedArchive(state) !== null;
  return leads || tags.noStream === true || postgres.receiver?.streaming === true;
}

function unlessLate(input: DecisionInput, why: string): Decision | null {
  if (input.observations.sinceChangeMs <= WAIT_LIMIT_MS) return null;
  return failed(why);
}

function one(event: ClusterEvent): Decision {
  return { rule: 'run-restart', events: [event] };
}
