import type { InstanceName } from '#libs/kernel';
import type { Decision, DecisionInput } from '../../decision.ts';
import type { AgentReport, DataDirectory } from '../../report.ts';
import type { RuleRefusal } from '../../rule-refusal.ts';
import type { WalPosition } from '../../wal-position.ts';
import { refuse } from '../refusal.ts';
import { freshReport } from '../sight.ts';
import { firstGrant } from './first-grant.ts';

type Initialised = Extract<DataDirectory, { kind: 'initialised' }>;

/** Data of a named instance: at rest with how far its WAL goes, or served by an earlier system. */
type Found = {
  readonly report: AgentReport;
  readonly directory: Initialised;
} & (
  | { readonly kind: 'resting'; readonly position: WalPosition }
  | { readonly kind: 'primary' | 'standby' }
);

/**
 * Takes over data that an earlier system left. The named instances must all be heard, since any of them
 * may be the furthest, and those that have data must be of one database. Where a primary runs, it goes
 * on as the primary, restarted beneath our guard while its standbys still stream from it; where
 * nothing runs, the furthest is granted the first epoch. The others follow it, and are rewound or rebuilt where
 * they diverged.
 */
export function adoptData(input: DecisionInput, names: readonly InstanceName[]): Decision | null {
  const looks = names.map((instance) => foundAt(input, instance)).filter((look) => look !== null);
  const refusals = looks.filter((look) => 'rule' in look);
  if (refusals.length > 0) return refuse(input, 'bootstrap', refusals);
  const found = looks.filter((look): look is Found => !('rule' in look));
  const [first] = found;
  if (first === undefined) {
    const value = `${names.join(', ')}: all empty`;
    const nothing = { instance: null, rule: 'nothing-to-adopt', value, limit: 'data to adopt' };
    return refuse(input, 'bootstrap', [nothing]);
  }
  const others = found.filter(({ directory }) => !isSameDatabase(directory, first.directory));
  if (others.length > 0) return refuse(input, 'bootstrap', others.map(differsFrom(first)));
  const runs = found.filter(({ kind }) => kind !== 'resting');
  return runs.length > 0 ? takeOver(input, found) : grantFurthest(input, found);
}

/** Null: nothing is there, and nothing runs. */
function foundAt(input: DecisionInput, instance: InstanceName): Found | RuleRefusal | null {
  const no = (rule: string, value: string, limit: string) => ({ instance, rule, value, limit });
  const report = freshReport(input, instance);
  if (report === null) return no('not-heard', 'no report', 'all that are named');
  const { guard, dataDirectory: directory, postgres } = report;
  if (postgres.kind === 'foreign' && postgres.standby !== undefined) {
    if (postgres.keeps !== undefined) return no('not-taken-over', postgres.keeps, 'ended once');
    if (directory.kind !== 'initialised') return no('no-data', directory.kind, 'initialised');
    return { kind: postgres.standby ? 'standby' : 'primary', report, directory };
  }
  if (guard === null) return no('no-guard', report.problem ?? 'no guard answers', 'a guard');
  if (directory.kind === 'empty') return null;
  if (directory.kind !== 'initialised') return no('no-data', directory.kind, 'initialised');
  if (postgres.kind !== 'stopped') {
    return no('still-running', postgres.kind, 'stopped, and kept so by whoever started it');
  }
  const { walEnd: position } = directory;
  if (position === null) return no('position-unknown', 'the end of its WAL', 'read from the disk');
  return { kind: 'resting', report, directory, position };
}

function isSameDatabase(one: Initialised, other: Initialised): boolean {
  return one.systemIdentifier === other.systemIdentifier;
}

function differsFrom(first: Found) {
  return ({ report: { instance }, directory }: Found): RuleRefusal => ({
    instance,
    rule: 'system-identifiers-differ',
    value: `${instance} has ${directory.systemIdentifier}`,
    limit: `${first.report.instance} has ${first.directory.systemIdentifier}`,
  });
}

/** The primary that runs is restarted; nobody may be on a later timeline than it. */
function takeOver(input: DecisionInput, found: readonly Found[]): Decision | null {
  const primaries = found.filter(({ kind }) => kind === 'primary');
  const [primary] = primaries;
  if (primary === undefined) {
    const running = found.filter(({ kind }) => kind === 'standby');
    return refuse(
      input,
      'bootstrap',
      running.map(({ report: { instance } }) => ({
        instance,
        rule: 'no-running-primary',
        value: 'a standby runs, and no primary that is named',
        limit: 'its primary runs too, or it is stopped as well',
      })),
    );
  }
  const { timeline } = primary.directory;
  const beside = found.filter((one) => one !== primary);
  const refusals = beside.flatMap((one): RuleRefusal[] => {
    const { report, directory, kind } = one;
    const { instance } = report;
    const only = `${primary.report.instance} alone`;
    if (kind === 'primary') {
      return [{ instance, rule: 'two-primaries', value: 'runs as a primary too', limit: only }];
    }
    if (directory.timeline <= timeline) return [];
    const value = `timeline ${directory.timeline}`;
    const limit = `timeline ${timeline} of the primary ${primary.report.instance}`;
    return [{ instance, rule: 'ahead-of-the-primary', value, limit }];
  });
  if (refusals.length > 0) return refuse(input, 'bootstrap', refusals);
  const { instance: initialiser } = primary.report;
  const started = { type: 'BootstrapStarted', initialiser, adopts: true } as const;
  return { rule: 'start-take-over', events: [started] };
}

function grantFurthest({ state }: DecisionInput, found: readonly Found[]): Decision | null {
  const resting = found.filter((one) => one.kind === 'resting');
  const [furthest] = [...resting].sort(byPosition);
  return furthest === undefined ? null : firstGrant(state, furthest.report);
}

type Resting = Extract<Found, { kind: 'resting' }>;

/** The furthest first; of equal ones one that was shut down in good order, then the preferred one. */
function byPosition(a: Resting, b: Resting): number {
  if (a.position.timeline !== b.position.timeline) return b.position.timeline - a.position.timeline;
  if (a.position.lsn !== b.position.lsn) return a.position.lsn > b.position.lsn ? -1 : 1;
  const [ofA, ofB] = [a.directory.cleanShutdown, b.directory.cleanShutdown];
  if (ofA !== ofB) return ofA ? -1 : 1;
  return b.report.tags.failoverPriority - a.report.tags.failoverPriority;
}

/** The first epoch, once the primary that was taken over is down and a guard of ours is there. */
export function grantTakenOver({ state }: DecisionInput, report: AgentReport): Decision | null {
  return report.postgres.kind === 'stopped' ? firstGrant(state, report) : null;
}

/** Why the take-over of a running primary comes to nothing; null while it may still succeed. */
export function whyNotTakenOver({ postgres }: AgentReport): string | null {
  return postgres.kind === 'foreign' ? (postgres.keeps ?? null) : null;
}
