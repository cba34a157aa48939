import type { Measured } from './closed-loop.ts';
import { median, percentile } from './percentile.ts';
import type { Part } from './runs-file.ts';

export type System = 'ours' | 'oursPlain' | 'etcd';

export type Run = {
  readonly system: System;
  readonly rows: readonly { readonly clients: number; readonly measured: Measured }[];
  /** Of the largest member: at the end, after earlier runs of the group too, and before the first client came. */
  readonly rssMb: number;
  readonly pssMb: number;
  readonly idlePssMb: number;
  readonly seconds: number;
  /** Of the machine over the last minute, when the run ended. */
  readonly loadAverage: number;
};

/** One `kill -9` of the leader: the longest time without a commit around it. */
export type LeaderKill = { readonly gapMs: number };

export type Row = {
  readonly clients: number;
  readonly ours: Measured | null;
  readonly oursPlain: Measured | null;
  readonly etcd: Measured | null;
  readonly ratio: number | null;
  readonly ratioPlain: number | null;
};

export type Report = {
  readonly results: readonly Row[];
  readonly rssMb: Readonly<Record<System, number>>;
  readonly pssMb: Readonly<Record<System, number>>;
  readonly idlePssMb: Readonly<Record<System, number>>;
  readonly leaderKill: {
    readonly runs: number;
    readonly gapP50Ms: number;
    readonly gapP99Ms: number;
  };
};

/** Medians over the alternating runs; memory is the largest seen. */
export function report(parts: readonly Part[]): Report {
  const runs = runsOf(parts);
  const counts = [...new Set(runs.flatMap((run) => run.rows.map(({ clients }) => clients)))];
  const kills = parts.flatMap((part) => (part.kind === 'leaderKill' ? [part.kill] : []));
  const gaps = kills.map(({ gapMs }) => gapMs).toSorted((a, b) => a - b);
  return {
    results: counts.map((clients) => rowOf(runs, clients)),
    rssMb: perSystem((system) => largest(runs, system, (run) => run.rssMb)),
    pssMb: perSystem((system) => largest(runs, system, (run) => run.pssMb)),
    idlePssMb: perSystem((system) => largest(runs, system, (run) => run.idlePssMb)),
    leaderKill: {
      runs: gaps.length,
      gapP50Ms: percentile(gaps, 50),
      gapP99Ms: percentile(gaps, 99),
    },
  };
}

export function runsOf(parts: readonly Part[]): readonly Run[] {
  return parts.flatMap((part) => (part.kind === 'run' ? [part.run] : []));
}

function rowOf(runs: readonly Run[], clients: number): Row {
  const [ours, oursPlain, etcd] = [
    figures(runs, 'ours', clients),
    figures(runs, 'oursPlain', clients),
    figures(runs, 'etcd', clients),
  ];
  const [ratio, ratioPlain] = [ratioOf(ours, etcd), ratioOf(oursPlain, etcd)];
  return { clients, ours, oursPlain, etcd, ratio, ratioPlain };
}

function figures(runs: readonly Run[], system: System, clients: number): Measured | null {
  const rows = runs.filter((run) => run.system === system).flatMap((run) => run.rows);
  const all = rows.filter((row) => row.clients === clients).map(({ measured }) => measured);
  if (all.length === 0) return null;
  const of = (field: keyof Measured): number => median(all.map((measured) => measured[field]));
  return {
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    clientCpuPercent: of('clientCpuPercent'),
    membersCpuUs: of('membersCpuUs'),
  };
}

function ratioOf(ours: Measured | null, etcd: Measured | null): number | null {
  if (ours === null || etcd === null || etcd.perSecond === 0) return null;
  return Math.round((ours.perSecond / etcd.perSecond) * 100) / 100;
}

function perSystem(of: (system: System) => number): Record<System, number> {
  return { ours: of('ours'), oursPlain: of('oursPlain'), etcd: of('etcd') };
}

function largest(runs: readonly Run[], system: System, of: (run: Run) => number): number {
  return Math.max(0, ...runs.filter((run) => run.system === system).map(of));
}
