import pc from 'picocolors';
import { column, painted, plain, type Segment, type TextLine } from './text-line.ts';

export type ControllerRow = {
  readonly name: string;
  readonly role: 'leader' | 'follower' | 'down';
};

export type InstanceRow = {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly timeline: string;
  readonly lag: string;
  readonly lease: string;
  readonly healthy: boolean;
};

/** Everything that the demo shows, in words. */
export type DemoView = {
  readonly cluster: string;
  readonly directory: string;
  readonly upSeconds: number;
  readonly controllers: readonly ControllerRow[];
  readonly instances: readonly InstanceRow[];
  readonly client: {
    readonly acknowledged: number;
    readonly host: string | null;
    readonly openGapMs: number;
    readonly worstGapMs: number;
    readonly lastFaultGapMs: number | null;
    readonly dual: number;
    readonly lost: number | null;
  };
  /** Oldest first. */
  readonly events: readonly string[];
  readonly message: string;
};

const KEYS = [
  ['p', 'kill the primary’s postmaster'],
  ['g', 'kill its guard'],
  ['a', 'kill its agent'],
  ['c', 'kill the leading controller'],
  ['s', 'switch over'],
  ['q', 'quit'],
] as const;
const FOOTER_LINES = 4;
const CURSOR_HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** The whole screen as lines, at most `rows` of them; pure. */
export function screenLines(view: DemoView, rows: number): TextLine[] {
  const head = [
    titleLine(view),
    plain(''),
    controllersLine(view),
    plain(''),
    instanceHeader(),
    ...view.instances.map(instanceLine),
    plain(''),
    ...clientLines(view),
    plain(''),
    [{ text: ' Last events', paint: pc.bold }],
  ];
  const room = Math.max(0, rows - head.length - FOOTER_LINES);
  const events = view.events.slice(-room).map((event) => plain(`   ${event}`));
  while (events.length < room) events.push(plain(''));
  return [...head, ...(room === 0 ? [] : events), ...footer(view)].slice(0, rows);
}

/** One write that replaces the screen in place: nothing is cleared first, so nothing flickers. */
export function frame(view: DemoView, size: { columns: number; rows: number }): string {
  const lines = screenLines(view, size.rows).map(
    (line) => painted(line, size.columns) + CLEAR_LINE_END,
  );
  return `${CURSOR_HOME}${lines.join('\r\n')}${CLEAR_BELOW}`;
}

function titleLine(view: DemoView): TextLine {
  const minutes = Math.floor(view.upSeconds / 60);
  const seconds = String(Math.floor(view.upSeconds % 60)).padStart(2, '0');
  return [
    { text: ` Matriarch, cluster ${view.cluster}`, paint: pc.bold },
    { text: `   up ${minutes}:${seconds}   ${view.directory}`, paint: pc.dim },
  ];
}

function controllersLine(view: DemoView): TextLine {
  const paints = { leader: pc.green, follower: (text: string) => text, down: pc.red };
  const segments = view.controllers.map(({ name, role }): Segment => {
    return { text: `${name} ${role}   `, paint: paints[role] };
  });
  return [{ text: ' Controllers   ', paint: pc.bold }, ...segments];
}

function instanceHeader(): TextLine {
  const titles = [
    column(' INSTANCE', 12),
    column('ROLE', 10),
    column('STATE', 26),
    column('TIMELINE', 10),
    column('LAG', 10),
    column('LEASE', 12),
  ];
  return titles.map(({ text }) => ({ text, paint: pc.bold }));
}

function instanceLine(row: InstanceRow): TextLine {
  const rolePaint = row.role === 'primary' ? pc.green : pc.cyan;
  return [
    column(` ${row.name}`, 12),
    column(row.role, 10, row.healthy ? rolePaint : pc.red),
    column(row.state, 26, row.healthy ? undefined : pc.yellow),
    column(row.timeline, 10),
    column(row.lag, 10),
    column(row.lease, 12),
  ];
}

function clientLines({ client }: DemoView): TextLine[] {
  const rows = client.acknowledged.toLocaleString('en');
  const open = Math.round(client.openGapMs);
  const gapPaint = open > 100 ? pc.red : pc.green;
  const lastFault =
    client.lastFaultGapMs === null ? '-' : `${Math.round(client.lastFaultGapMs)} ms`;
  return [
    [
      { text: ' Client        ', paint: pc.bold },
      { text: `${rows} rows acknowledged, the last one by ${client.host ?? 'nobody'}` },
    ],
    [
      { text: '               gap ' },
      { text: `${open} ms`.padEnd(10), paint: gapPaint },
      { text: `last fault ${lastFault}   worst ${Math.round(client.worstGapMs)} ms   ` },
      { text: `dual ${client.dual}`, paint: client.dual === 0 ? pc.green : pc.red },
      { text: '   ' },
      { text: `lost ${client.lost ?? '?'}`, paint: (client.lost ?? 0) === 0 ? pc.green : pc.red },
    ],
  ];
}

function footer(view: DemoView): TextLine[] {
  const key = ([name, what]: readonly [string, string]): Segment[] => [
    { text: ` ${name}`, paint: pc.bold },
    { text: ` ${what}  ` },
  ];
  return [
    plain(''),
    [{ text: ` ${view.message}`, paint: pc.yellow }],
    KEYS.slice(0, 3).flatMap(key),
    KEYS.slice(3).flatMap(key),
  ];
}
