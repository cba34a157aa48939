import { groupBy } from '../shared/group-by.ts';
import { median } from '../shared/median.ts';
import type { MeasuredRun } from './runs-file.ts';

const WIDTH = 960;
const LEFT = 230;
const BAR = 26;
const LINE = 48;
const TOP = 64;
/** In the order in which they come; colours as distinct to the colour-blind as so many can be. */
const COLOUR_OF: Readonly<Record<string, string>> = {
  detect: '#0072b2',
  fence: '#999999',
  decide: '#e69f00',
  stop: '#d55e00',
  detach: '#009e73',
  catchUp: '#56b4e9',
  choose: '#f0e442',
  fastForward: '#117733',
  grant: '#cc79a7',
  promote: '#332288',
  follow: '#882255',
};
const PHASES = Object.keys(COLOUR_OF);

type Bar = {
  readonly title: string;
  readonly gapMs: number;
  readonly phases: readonly { readonly name: string; readonly ms: number }[];
};

/** An SVG with a bar for each fault: the median of each phase that the controllers recorded. */
export function phasesPicture(runs: readonly MeasuredRun[]): string {
  const bars = barsOf(runs);
  const recorded = new Set(bars.flatMap(({ phases }) => phases.map(({ name }) => name)));
  const names = PHASES.filter((name) => recorded.has(name));
  const longestMs = Math.max(1, ...bars.map(({ gapMs, phases }) => Math.max(gapMs, total(phases))));
  const scale = (WIDTH - LEFT - 90) / longestMs;
  const height = TOP + bars.length * LINE + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    '<text x="10" y="22" font-size="15">Phases of an outage as the controllers recorded them (medians), and the gap that a client saw</text>',
    ...names.map((name, at) => legend(name, at)),
    ...bars.map((bar, at) => barSvg(bar, { y: TOP + at * LINE, scale })),
    '</svg>',
    '',
  ].join('\n');
}

function barsOf(runs: readonly MeasuredRun[]): Bar[] {
  const recorded = runs.filter(({ phasesMs }) => phasesMs !== null);
  const groups = groupBy(recorded, ({ mode, fault }) => `${fault}, ${mode}`);
  return [...groups].map(([title, group]) => {
    const known = new Set(group.flatMap(({ phasesMs }) => Object.keys(phasesMs ?? {})));
    const names = PHASES.filter((name) => known.has(name));
    const phases = names.map((name) => ({
      name,
      ms: median(group.map(({ phasesMs }) => phasesMs?.[name] ?? 0)),
    }));
    return { title, gapMs: median(group.map(({ gapMs }) => gapMs)), phases };
  });
}

function legend(name: string, at: number): string {
  const x = 10 + at * 120;
  return `<rect x="${x}" y="34" width="12" height="12" fill="${COLOUR_OF[name]}"/><text x="${x + 18}" y="45">${name}</text>`;
}

function barSvg(
  { title, gapMs, phases }: Bar,
  at: { readonly y: number; readonly scale: number },
): string {
  const { y, scale } = at;
  let x = LEFT;
  const parts = phases.map(({ name, ms }) => {
    const width = ms * scale;
    const part = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOUR_OF[name]}"><title>${name} ${ms} ms</title></rect>`;
    x += width;
    return part;
  });
  const gapX = (LEFT + gapMs * scale).toFixed(1);
  return [
    `<text x="10" y="${y + 18}">${title}</text>`,
    ...parts,
    `<path d="M ${LEFT} ${y + BAR + 5} H ${gapX}" stroke="#222222" stroke-width="2"/>`,
    `<text x="${Number(gapX) + 6}" y="${y + BAR + 9}">${gapMs} ms</text>`,
  ].join('\n');
}

function total(phases: Bar['phases']): number {
  return phases.reduce((sum, { ms }) => sum + ms, 0);
}
