import { type InstanceName, instanceName } from '#libs/kernel';
import type { CommandDecision, Decision, DecisionInput, OperatorCommand } from '../../decision.ts';
import type { ClusterEvent } from '../../events.ts';
import { rebuildPolicyOf, rebuildRecordOf } from '../../rebuild/order-of.ts';
import type { RebuildMethod } from '../../rebuild/policy.ts';
import { isExhausted, type RebuildRecord } from '../../rebuild/rebuild-record.ts';
import type { RebuildReport } from '../../rebuild/rebuild-report.ts';
import { methodsFor } from '../../remote/copying-methods.ts';
import { rootOf } from '../../remote/following.ts';
import type { AgentReport } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import { type ClusterState, inMaintenance, lastHolder, memberNames } from '../../state.ts';
import { refuse, refused } from '../refusal.ts';
import { cannotBeCopied } from '../replication/sender-capacity.ts';
import { freshReport } from '../sight.ts';

type Command = Extract<OperatorCommand, { type: 'rebuild' }>;

/** Progress is recorded at each tenth of the bytes, and never more often. */
const STEPS = 10n;

/**
 * Orders what agents ask for: an empty or half-made directory is always filled, one with data only when
 * the policy says so. What an operator cancelled waits for an operator.
 */
export function orderRebuilds(input: DecisionInput): Decision | null {
  const { state } = input;
  const root = rootOf(state);
  if (state.operation.kind !== 'none' || root === null) return null;
  const events: ClusterEvent[] = [];
  const refusals: RuleRefusal[] = [];
  for (const instance of memberNames(state)) {
    const report = freshReport(input, instance);
    const reason = report?.rebuild?.wants ?? null;
    if (report === null || reason === null || isPrimary(state, instance)) continue;
    if (rebuildRecordOf(state, instance) !== null) continue;
    const refusal = whyNotByItself(input, report) ?? whyNotCopied(input, root, report);
    if (refusal !== null) refusals.push(refusal);
    else events.push(started(input, report, reason));
  }
  if (events.length > 0) return { rule: 'order-rebuild', events };
  return refusals.length > 0 ? refuse(input, 'rebuild', refusals) : null;
}

/** The standby leader of a cluster that follows another is built from that one. */
function isPrimary(state: ClusterState, instance: InstanceName): boolean {
  return state.following === undefined && rootOf(state) === instance;
}

function whyNotByItself({ state }: DecisionInput, report: AgentReport): RuleRefusal | null {
  const { instance, dataDirectory } = report;
  if (dataDirectory.kind === 'empty') return null;
  const { automaticRebuild } = rebuildPolicyOf(state.postgres);
  const no = (rule: string, value: string, limit: string) => ({ instance, rule, value, limit });
  if (inMaintenance(state, report.instance)) {
    return no('in-maintenance', 'an operator works on it', '`matriarch maintenance off`');
  }
  if (state.paused) return no('paused', 'automatic decisions are paused', 'not paused');
  if (automaticRebuild === 'never') {
    return no('automatic-rebuild', 'never', 'whenSafe, or an order: `matriarch reinit`');
  }
  return null;
}

/** A copy that would fail for want of walsenders is not begun again and again. */
function whyNotCopied(
  input: DecisionInput,
  root: InstanceName,
  report: AgentReport,
): RuleRefusal | null {
  const { members } = input.state;
  const methods = methodsHere(input, report);
  // Whom the agent would copy from then is not the primary.
  const elsewhere = Object.values(members).some(({ tags }) => tags.cloneFrom === true);
  if (elsewhere || methods.some((method) => method !== 'basebackup')) return null;
  const full = cannotBeCopied(input, root);
  if (full === null) return null;
  return { ...full, instance: report.instance, value: `${root}: ${full.value}` };
}

/** What cannot be rewound, because nothing whole is there, is not tried. */
function methodsHere({ state }: DecisionInput, { instance, dataDirectory }: AgentReport) {
  const whole = dataDirectory.kind === 'initialised';
  return methodsFor(state, instance).filter((method) => whole || method !== 'pg_rewind');
}

function started(input: DecisionInput, report: AgentReport, reason: string): ClusterEvent {
  const { instance } = report;
  const methods = methodsHere(input, report);
  const order = { trigger: 'automatic', reason, methods, from: null, force: false } as const;
  return { type: 'RebuildStarted', instance, ...order };
}

/** Turns what the agents say of their rebuilds into history: failures, tenths, the end. */
export function recordRebuilds(input: DecisionInput): Decision | null {
  const events = Object.values(input.state.rebuilds ?? {}).flatMap((record) => {
    const report = freshReport(input, record.instance)?.rebuild ?? null;
    if (report === null || report.order !== record.order || record.cancelled) return [];
    return eventsOf(record, report);
  });
  return events.length === 0 ? null : { rule: 'record-rebuild', events };
}

function eventsOf(record: RebuildRecord, report: RebuildReport): ClusterEvent[] {
  const { instance } = record;
  const { method, phase, doneBytes, totalBytes, tookMs } = report;
  if (phase === 'streaming' && method !== null) {
    const copiedBytes = doneBytes;
    return [
      { type: 'RebuildCompleted', instance, method, tookMs: Math.round(tookMs), copiedBytes },
    ];
  }
  const failed = report.failures.filter(
    ({ method: name, reason }) =>
      !record.failures.some((known) => known.method === name && known.reason === reason),
  );
  if (failed.length > 0) return failures(record, failed);
  if (method === null || totalBytes === null || totalBytes <= 0n) return [];
  const tenth = (doneBytes * STEPS) / totalBytes;
  const { progress } = record;
  const known =
    progress?.method === method && progress.totalBytes > 0n
      ? (progress.doneBytes * STEPS) / progress.totalBytes
      : 0n;
  if (phase !== 'copying' || tenth <= known) return [];
  return [{ type: 'RebuildProgress', instance, method, doneBytes, totalBytes }];
}

function failures(
  record: RebuildRecord,
  failed: readonly { readonly method: RebuildMethod; readonly reason: string }[],
): ClusterEvent[] {
  const { instance } = record;
  const gone = new Set(record.failures.map(({ method }) => method));
  return failed.map(({ method, reason }) => {
    gone.add(method);
    const remaining = record.methods.filter((name) => !gone.has(name)).length;
    return { type: 'RebuildMethodFailed', instance, method, reason, remaining };
  });
}

/** An operator's `reinit`: of any instance but the primary, whatever the policy. */
export function decideRebuild(input: DecisionInput, command: Command): CommandDecision {
  const { state } = input;
  const { instance, method, from, force } = command;
  const no = (rule: string, value: string, limit: string): CommandDecision =>
    refused(rule, value, limit, instance);
  if (state.members[instance] === undefined) {
    return no('not-a-member', instance, memberNames(state).join(', '));
  }
  if (rootOf(state) === null || state.operation.kind !== 'none') {
    return no('no-primary', 'nobody serves, or it is just changing', 'a serving primary');
  }
  if (isPrimary(state, instance)) return no('is-primary', instance, 'a standby: switch over first');
  if (from === instance) return no('source', `${from} itself`, 'another instance');
  if (from !== null && state.members[from] === undefined) {
    return no('not-a-member', from, memberNames(state).join(', '));
  }
  const running = rebuildRecordOf(state, instance);
  if (running !== null && !running.cancelled && !isExhausted(running) && !force) {
    return no('rebuild-running', `since order ${running.order}`, 'none, or --force');
  }
  const kept = whyNotReplaced(input, instance);
  if (kept !== null) return { kind: 'refused', refusals: [kept] };
  const methods = methodsFor(state, instance);
  const wanted = method === null ? methods.filter((name) => name !== 'pg_rewind') : [method];
  if (wanted.length === 0) return no('no-method', methods.join(', '), 'one that copies: --method');
  const source = from ?? rootOf(state);
  if (source !== null && wanted.every((name) => name === 'basebackup')) {
    const full = cannotBeCopied(input, source);
    if (full !== null) return { kind: 'refused', refusals: [full] };
  }
  const reason = 'an operator ordered it';
  const order = { trigger: 'operator', reason, methods: wanted, from, force } as const;
  return {
    kind: 'decided',
    decision: {
      rule: 'operator-rebuild',
      events: [{ type: 'RebuildStarted', instance, ...order }],
    },
  };
}

/** Its agent touches nothing there, whatever is ordered: the order would stand for ever. */
function whyNotReplaced(input: DecisionInput, instance: InstanceName): RuleRefusal | null {
  const directory = freshReport(input, instance)?.dataDirectory;
  const limit = 'a directory that may be replaced: move this one away, it is built anew then';
  if (directory?.kind === 'unusable') {
    return { instance, rule: 'directory-unusable', value: directory.why, limit };
  }
  if (directory?.kind !== 'initialised') return null;
  const { systemIdentifier: value } = directory;
  return value === input.state.systemIdentifier
    ? null
    : { instance, rule: 'foreign-data', value, limit };
}

export function decideCancelRebuild(
  { state }: DecisionInput,
  instance: InstanceName,
): CommandDecision {
  const record = rebuildRecordOf(state, instance);
  if (record === null || record.cancelled) {
    return { kind: 'satisfied', why: `no rebuild of ${instance} is under way` };
  }
  return {
    kind: 'decided',
    decision: { rule: 'operator-cancel', events: [{ type: 'RebuildCancelled', instance }] },
  };
}

/**
 * Why a directory may not be changed in place now: nobody else holds all data, streams and is healthy
 * (safety 25). The primary alone is not enough: lost in that moment it would take the last copy along.
 */
export function whyNotInPlace(input: DecisionInput, instance: InstanceName): string | null {
  const { state, observations } = input;
  if (rebuildPolicyOf(state.postgres).inPlaceAlone) return null;
  if (rebuildRecordOf(state, instance)?.force === true) return null;
  const timeline = state.history.at(-1)?.timeline;
  const limit = state.settings.maximumLagOnFailoverBytes;
  const others = memberNames(state).filter(
    (name) => name !== instance && name !== (rootOf(state) ?? lastHolder(state)),
  );
  const whole = others.some((name) => {
    const postgres = freshReport(input, instanceName(name))?.postgres;
    if (postgres?.kind !== 'standby' || postgres.receiver?.streaming !== true) return false;
    const { lastKnown } = observations;
    if (postgres.timeline !== timeline) return false;
    const behind = lastKnown === null ? 0n : lastKnown.lsn - (postgres.receivedLsn ?? 0n);
    return behind <= limit;
  });
  if (whole) return null;
  return (
    'it would be changed in place, and no other standby holds all data and streams ' +
    '(rebuild.inPlaceAlone, or an order with --force, allows it)'
  );
}
