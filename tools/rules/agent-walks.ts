/** How an agent comes from each condition to each goal: walked by the production table of steps. */
import type { Goal } from '#libs/cluster';
import { conditions, goals, walk } from '#libs/testing';

const GOAL_TEXT: Readonly<Record<Goal['kind'], string>> = {
  wait: 'wait: start nothing',
  initialise: "initialise: make the cluster's first data directory",
  primary: 'primary: serve writes in the epoch that was granted',
  handOver: 'hand over: stop for the target of a switchover',
  yield: 'yield: stop at once and give the lease back',
  detached: 'detached: receive from no primary, and say how far the WAL goes',
  standby: 'standby: stream from the primary',
};

const END_TEXT: Readonly<Record<string, string>> = {
  rest: 'done',
  release: 'gives the lease back; the leader goes on',
  needsRebuild: 'asks the leader for a rebuild',
  reportOnly: 'says so in `status`, and waits for a person',
};

type Row = {
  readonly from: string;
  readonly because: Set<string>;
  readonly steps: string;
  end: string;
};

/** One table for each goal; ways that differ in nothing but their reason share a row. */
export function agentTables(): string[] {
  return goals.flatMap((goal) => {
    const rows = new Map<string, Row>();
    for (const start of conditions()) {
      const { end, path } = walkOf(goal, start);
      const from = start.kind === 'starting' ? `starting as ${start.as}` : start.kind;
      const key = `${from} ${path.join()} ${end.kind}`;
      const because = path.length === 0 ? end.why : firstReason(goal, start);
      const row = rows.get(key);
      if (row !== undefined) row.because.add(because);
      else {
        const steps = path.length === 0 ? 'nothing' : path.map((step) => `\`${step}\``).join(' → ');
        rows.set(key, { from, because: new Set([because]), steps, end: END_TEXT[end.kind] ?? '' });
      }
    }
    return [
      `### ${titleOf(goal)}`,
      '',
      '| It finds | Because | It does | Then |',
      '|---|---|---|---|',
      ...[...rows.values()]
        .toSorted(byCondition)
        .map(
          ({ from, because, steps, end }) =>
            `| ${from} | ${[...because].slice(0, 2).join('; ')} | ${steps} | ${end} |`,
        ),
      '',
    ];
  });
}

/** In the order of a life: nothing there, stopped, running; then what only a person can mend. */
const ORDER = ['empty', 'unfinished', 'stopped', 'starting', 'standby', 'primary', 'stopping'];

function byCondition(a: Row, b: Row): number {
  const [left, right] = [a, b].map(({ from }) => {
    const at = ORDER.findIndex((kind) => from.startsWith(kind));
    return at < 0 ? ORDER.length : at;
  });
  return (left ?? 0) - (right ?? 0);
}

function textOf(goal: Goal): string {
  const replays = goal.kind === 'standby' && goal.upstream === null;
  return replays ? 'standby: replay an archive that is followed' : GOAL_TEXT[goal.kind];
}

function titleOf(goal: Goal): string {
  const text = textOf(goal);
  if (goal.kind === 'primary' && goal.guard !== goals.find(isPrimary)?.guard) {
    return `${text}, granted to a guard that is gone`;
  }
  if (goal.kind === 'detached' && goal.copyAside === true)
    return `${text}, a copy aside put back first`;
  if (goal.kind === 'standby' && goal.rebuild !== null) return `${text}, with a rebuild ordered`;
  return text;
}

function isPrimary(goal: Goal): goal is Extract<Goal, { kind: 'primary' }> {
  return goal.kind === 'primary';
}

/** Steps that do something, without repetition of what only waits. */
function walkOf(goal: Goal, start: Parameters<typeof walk>[1]) {
  const { end, steps } = walk(goal, start);
  const path = steps
    .map((step) => /: (\w+) \(/.exec(step)?.[1] ?? '')
    .filter((step) => !['rest', 'reportOnly', 'needsRebuild'].includes(step));
  return { end, path };
}

function firstReason(goal: Goal, start: Parameters<typeof walk>[1]): string {
  return /\((.*)\)$/.exec(walk(goal, start).steps[0] ?? '')?.[1] ?? '';
}
