import type { FailoversAnswer, OutageView } from '#libs/api';
import { phasesText, triggerText } from '#libs/api';
import type { Terminal } from '../terminal.ts';
import { columns, fittingColumns } from './columns.ts';
import { ageText, timeText } from './time-text.ts';
import { wrap } from './wrap.ts';

type Look = Pick<Terminal, 'columns' | 'colors'>;

const HEADS = [
  { head: '#', align: 'right' as const },
  { head: 'AT (UTC)' },
  { head: 'WHAT' },
  { head: 'FROM' },
  { head: 'TO' },
  { head: 'TOOK', align: 'right' as const },
  { head: 'FOLLOWED', align: 'right' as const },
  { head: 'LOST', align: 'right' as const },
  { head: 'OUTCOME' },
];

/** Until when each phase lasts; the first is counted from the last sign of life. */
const PHASES: Readonly<Record<string, string>> = {
  detect: 'until the loss was certain',
  fence: 'until the old primary could acknowledge nothing any more',
  decide: 'until a majority of the controllers had stored what was decided',
  detach: 'until the standbys had proved that they receive nothing more',
  choose: 'waiting for a standby that might have had more',
  fastForward: 'until the preferred standby had fetched what it lacked',
  stop: 'until the old primary had shut down and given its lease back',
  catchUp: 'until the new one had the last byte',
  grant: 'until the guard of the new primary held the lease',
  promote: 'until PostgreSQL accepted writes there',
};

/** The ledger of one cluster, the newest first. */
export function failoversText(answer: FailoversAnswer, look: Look, details: boolean): string {
  const { cluster, failovers } = answer;
  if (failovers.length === 0) return `${cluster} has had no failover and no switchover`;
  const rows = failovers.map((outage) => rowOf(outage, look));
  const room = { width: look.columns, spare: HEADS.findIndex(({ head }) => head === 'FOLLOWED') };
  const lines = fittingColumns(HEADS, rows, look.colors, room);
  if (!details) lines.push(...reasonsOf(failovers, look));
  if (failovers.some(isUnacknowledged)) lines.push('', wrap(UNACKNOWLEDGED, look.columns, '  '));
  if (details) {
    lines.push(...failovers.flatMap((outage) => ['', ...detailsOf(outage, look)]));
    lines.push(...legendOf(failovers, look.colors));
  }
  return lines.join('\n');
}

function legendOf(failovers: readonly OutageView[], colors: Look['colors']): string[] {
  const named = new Set(failovers.flatMap(({ phasesMs }) => Object.keys(phasesMs)));
  const known = Object.entries(PHASES).filter(([phase]) => named.has(phase));
  if (known.length === 0) return [];
  return ['', ...columns([{ head: 'PHASE' }, { head: 'LASTS' }], known, colors)];
}

/** Why what was given up was: nobody should have to know of --details to see it. */
function reasonsOf(failovers: readonly OutageView[], { columns: width }: Look): string[] {
  const reasons = failovers.flatMap(({ number, reason }) =>
    reason === null ? [] : [wrap(`${number}  given up: ${reason}`, width, '   ')],
  );
  return reasons.length === 0 ? [] : ['', ...reasons];
}

function rowOf(outage: OutageView, { colors }: Look): string[] {
  const { number, startedAt, kind, from, to, outcome, totalMs, followMs } = outage;
  const done = outcome === 'completed';
  return [
    String(number),
    timeText(startedAt),
    kind,
    from,
    to ?? '-',
    ageText(totalMs),
    followMs === null ? '-' : ageText(followMs),
    done ? lostCell(outage, colors) : '-',
    done ? outcome : colors.yellow(outcome),
  ];
}

/** Bytes that nobody was told to be safe are no loss to anybody, and are named apart. */
function lostCell(outage: OutageView, colors: Look['colors']): string {
  const { lostText } = outage;
  if (isUnacknowledged(outage)) return lostText === null ? 'none' : `none (${lostText})`;
  if (lostText === null) return '?';
  return lostText === '0 B' ? lostText : colors.red(lostText);
}

function isUnacknowledged({ keptAcknowledged, lostText }: OutageView): boolean {
  return keptAcknowledged && lostText !== '0 B';
}

const UNACKNOWLEDGED =
  'LOST none (bytes): commits waited for standbys, and the new primary had every acknowledged one; so much WAL ' +
  'that the old primary had written was never acknowledged';

function detailsOf(outage: OutageView, { columns: width }: Look): string[] {
  const { number, by, from, trigger, phasesMs, reason, attempts, sequence, epoch } = outage;
  const itself = 'for a rolling restart, or because its host is shut down';
  const ordered = by === 'controller' ? itself : 'an operator ordered it';
  const why = trigger === null ? ordered : triggerText(trigger);
  const facts = [
    `${number}  ended epoch ${epoch}: ${why} (${by}; event ${sequence})`,
    `phases: ${Object.keys(phasesMs).length === 0 ? 'none' : phasesText(phasesMs)}`,
    attempts > 1 ? `begun ${attempts} times` : null,
    reason === null ? null : `given up: ${reason}`,
    outage.divergedWal === null ? null : `lost with ${from}: ${outage.divergedWal.text}`,
  ];
  const shown = facts.filter((fact) => fact !== null);
  return shown.map((fact, index) => {
    const margin = index === 0 ? '' : '   ';
    return `${margin}${wrap(fact, width - margin.length, '   ')}`;
  });
}
