import {
  type ClusterView,
  type ControllerView,
  type InstanceView,
  placeText,
  type StatusAnswer,
} from '#libs/api';
import { bytesText, unreachable } from '#libs/kernel';
import type { Terminal } from '../terminal.ts';
import { columns, fittingColumns } from './columns.ts';
import { remarksText } from './controllers-text.ts';
import { ageText } from './time-text.ts';
import { wrap } from './wrap.ts';

/** From this width on the system identifier is shown. */
const WIDE_COLUMNS = 100;

type Look = Pick<Terminal, 'columns' | 'colors'>;

export function statusText(status: StatusAnswer, look: Look): string {
  const parts = [
    controllersText(status, look),
    ...status.clusters.map((cluster) => clusterText(cluster, look)),
  ];
  if (status.clusters.length === 0) {
    parts.push('No cluster yet: `matriarch cluster create NAME --file cluster.yaml` makes one.');
  }
  return parts.join('\n\n');
}

function controllersText(status: StatusAnswer, look: Look): string {
  const { colors } = look;
  const leader = status.leader === null ? colors.red('no leader') : `leader ${status.leader}`;
  const heads = [
    { head: 'CONTROLLER' },
    { head: 'ROLE' },
    { head: 'TERM', align: 'right' as const },
    { head: 'COMMIT', align: 'right' as const },
    { head: 'APPLIED', align: 'right' as const },
    { head: 'ADDRESS' },
  ];
  const rows = status.controllers.map((controller) => controllerRow(controller, { colors }));
  return [
    `${colors.bold('Controllers')}  ${leader}`,
    ...indented(columns(heads, rows, colors)),
    ...remarksText(status.controllers, look),
  ].join('\n');
}

function controllerRow(controller: ControllerView, { colors }: Pick<Look, 'colors'>): string[] {
  const { name, role, term, commitIndex, appliedIndex, address, reachable } = controller;
  const shownRole = role === 'leader' ? colors.green(role) : role;
  return [
    name,
    reachable ? shownRole : colors.red('unreachable'),
    ...[term, commitIndex, appliedIndex].map((value) => (value === null ? '-' : String(value))),
    address,
  ];
}

function clusterText(cluster: ClusterView, look: Look): string {
  const { colors } = look;
  const lines = [headOf(cluster, look)];
  if (cluster.operation !== null) lines.push(`  ${colors.yellow(cluster.operation)}`);
  for (const { text, order } of cluster.copiesAside) {
    lines.push(`  ${colors.yellow(wrap(text, look.columns - 4, '  '))}`, `    ${order}`);
  }
  if (cluster.paused && cluster.phase === 'down') {
    const way = 'nobody starts or replaces its primary before `matriarch resume`';
    lines.push(`  ${colors.yellow(`paused: ${way}`)}`);
  }
  if (cluster.restart !== null) lines.push(`  ${colors.yellow(cluster.restart)}`);
  if (cluster.synchronous !== null) lines.push(`  ${colors.yellow(cluster.synchronous)}`);
  if (cluster.failsafe !== null) {
    const { failsafe } = cluster;
    lines.push(`  ${failsafe.startsWith('failsafe: active') ? colors.yellow(failsafe) : failsafe}`);
  }
  if (cluster.unheardForMs !== null) {
    const who = `the controllers' leader is new, for ${ageText(cluster.unheardForMs)} now`;
    lines.push(
      `  ${colors.yellow(`${who}: who is "not heard yet" has not reported to it so far`)}`,
    );
  }
  if (cluster.instances.length === 0) {
    lines.push('  no instance has joined: start an agent for this cluster');
  }
  const rows = cluster.instances.map((instance) => instanceRow(instance, cluster, look));
  const room = { width: look.columns - 2, spare: INSTANCE_COLUMNS.length - 1 };
  if (rows.length > 0) {
    lines.push(...indented(fittingColumns(INSTANCE_COLUMNS, rows, colors, room)));
  }
  lines.push(...cluster.instances.flatMap((instance) => remarksOf(instance, look)));
  return lines.join('\n');
}

const INSTANCE_COLUMNS = [
  { head: 'INSTANCE' },
  { head: 'ROLE' },
  { head: 'STATE' },
  { head: 'TL', align: 'right' as const },
  { head: 'LSN', align: 'right' as const },
  { head: 'LAG', align: 'right' as const },
  { head: 'LEASE', align: 'right' as const },
  { head: 'HEARD', align: 'right' as const },
  { head: 'FROM' },
];

function headOf(cluster: ClusterView, { colors, columns: width }: Look): string {
  const { name, phase, paused, lease, following, timeline, systemIdentifier } = cluster;
  const paint = {
    serving: colors.green,
    standby: colors.green,
    new: colors.yellow,
    down: colors.red,
  }[phase];
  const shownPhase = paint(phase === 'standby' ? 'standby cluster' : phase);
  const facts = [
    shownPhase,
    paused ? colors.yellow('paused') : null,
    following === null ? leaseText(lease) : `follows ${followedText(following)}`,
    timeline === null ? null : `timeline ${timeline}`,
    systemIdentifier === null || width < WIDE_COLUMNS ? null : `system ${systemIdentifier}`,
  ];
  return `${colors.bold(`Cluster ${name}`)}  ${facts.filter((fact) => fact !== null).join(', ')}`;
}

function followedText({ host, port, archive }: NonNullable<ClusterView['following']>): string {
  return host === null || port === null ? `the ${archive} archive` : placeText({ host, port });
}

function leaseText({ kind, epoch, serving, holder }: ClusterView['lease']): string | null {
  if (epoch === null || holder === null) return null;
  switch (kind) {
    case 'NeverGranted':
      return null;
    case 'Held':
      return `epoch ${epoch} ${serving ? 'held by' : 'granted to'} ${holder}`;
    case 'Released':
      return `epoch ${epoch} released by ${holder}`;
    case 'Expired':
    case 'Fenced':
      return `epoch ${epoch} of ${holder} ${kind.toLowerCase()}`;
    default:
      return unreachable(kind);
  }
}

function instanceRow(instance: InstanceView, cluster: ClusterView, { colors }: Look): string[] {
  const { name, role, state, timeline, lsn, lagText, agent, receivingFrom } = instance;
  const holds = cluster.lease.kind === 'Held' && cluster.lease.holder === name;
  const roleText = role ?? '-';
  return [
    name,
    role === 'primary' && holds ? colors.green(roleText) : roleText,
    stateText(state, colors),
    timeline === null ? '-' : String(timeline),
    lsn ?? '-',
    lagText ?? '-',
    guardText(instance, holds, colors),
    agent.heardAgeMs === null ? '-' : ageText(agent.heardAgeMs),
    receivingFrom ?? '-',
  ];
}

/** How long PostgreSQL may go on writing; standbys hold no lease. */
function guardText({ state, guard }: InstanceView, holds: boolean, colors: Look['colors']): string {
  if (state === 'silent' || state === 'unheard') return '-';
  if (holds && guard.remainingMs !== null) return ageText(guard.remainingMs);
  return guard.attached ? '-' : colors.red('no guard');
}

function stateText(state: InstanceView['state'], colors: Look['colors']): string {
  if (state === 'serving' || state === 'streaming') return state;
  if (state === 'unheard') return colors.yellow('not heard yet');
  const isWaiting = state === 'starting' || state === 'stopping' || state === 'empty';
  return isWaiting ? colors.yellow(state) : colors.red(state);
}

function remarksOf(instance: InstanceView, look: Look): string[] {
  const { name, maintenance, activity, problem, stall, upstreamRemark } = instance;
  const width = look.columns - 4;
  const { yellow } = look.colors;
  const notes = [tagsText(instance), upstreamRemark].filter((note) => note !== null);
  const remarks = notes.map((note) => `  ${wrap(`${name}: ${note}`, width, '    ')}`);
  if (instance.pendingRestart.length > 0) {
    remarks.push(yellow(`  ${wrap(`${name}: ${pendingText(instance)}`, width, '    ')}`));
  }
  if (maintenance) {
    const said = `${name}: in maintenance, nothing is done there by itself`;
    remarks.push(yellow(`  ${wrap(said, width, '    ')}`));
  }
  for (const slot of instance.slots.filter(({ danger }) => danger !== null)) {
    remarks.push(yellow(`  ${wrap(`${name}: ${slotText(slot)}`, width, '    ')}`));
  }
  if (stall !== null) {
    remarks.push(look.colors.red(`  ${wrap(`${name}: ${stall}`, width, '    ')}`));
  }
  if (activity !== null) remarks.push(`  ${wrap(`${name}: ${activity}`, width, '    ')}`);
  if (problem !== null) {
    remarks.push(look.colors.red(`  ${wrap(`${name}: ${problem}`, width, '    ')}`));
  }
  return remarks;
}

/** What makes it other than the rest; nothing when it is as usual. */
function tagsText({ tags }: InstanceView): string | null {
  const { noFailover, noSync, noLoadBalance, noStream, cloneFrom, replicateFrom, zone } = tags;
  const set = [
    ...Object.entries({ noFailover, noSync, noLoadBalance, noStream, cloneFrom }).flatMap(
      ([name, on]) => (on ? [name] : []),
    ),
    ...(tags.failoverPriority === 1 ? [] : [`failoverPriority ${tags.failoverPriority}`]),
    ...(tags.syncPriority === 1 ? [] : [`syncPriority ${tags.syncPriority}`]),
    ...(replicateFrom === undefined ? [] : [`replicateFrom ${replicateFrom}`]),
    ...(zone === undefined ? [] : [`zone ${zone}`]),
    ...Object.entries(tags.custom).map(([name, value]) => `${name} ${value}`),
  ];
  return set.length === 0 ? null : `tags ${set.join(', ')}`;
}

function pendingText({ pendingRestart }: InstanceView): string {
  const values = pendingRestart.map(
    ({ name, running, configured }) => `${name} (${running}, then ${configured})`,
  );
  return `a restart is needed for ${values.join(', ')}: \`matriarch restart --rolling\``;
}

function slotText({ name, danger, safeBytes }: InstanceView['slots'][number]): string {
  if (danger === 'lost') return `slot ${name} is lost: WAL that it should have kept is gone`;
  const left = safeBytes === null ? 'no' : bytesText(BigInt(safeBytes));
  return `slot ${name} will soon be lost: ${left} more WAL fits into max_slot_wal_keep_size`;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
