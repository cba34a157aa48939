import type { RebuildMethod } from '#libs/cluster';
import { bytesText, formatLsn, type Lsn } from '#libs/kernel';
import type { Expected, SourceFacts, ToolCapabilities } from './rebuild-tool.ts';

export type Check = { readonly name: string; readonly ok: boolean; readonly detail: string };

export type Preflight = {
  readonly method: RebuildMethod;
  readonly ok: boolean;
  /** What it would do, or the first reason why not. */
  readonly detail: string;
  readonly bytes: number | null;
  readonly estimateSeconds: number | null;
  /** False when there is no room for a second copy: what is there now goes first. */
  readonly keepsAside: boolean;
  readonly checks: readonly Check[];
};

export type PreflightRequest = {
  readonly method: RebuildMethod;
  readonly capabilities: ToolCapabilities;
  readonly facts: SourceFacts;
  readonly expected: Expected;
  readonly major: number;
  readonly freeBytes: number;
  /** Of what is there now and would go first if room is short. */
  readonly presentBytes: number;
  /** Whether the server lets in the copy, and who streams afterwards. */
  readonly admission: readonly Check[];
  /** From where on the primary keeps WAL for us; null: unknown. */
  readonly keptFrom: Lsn | null;
  readonly bandwidthBytesPerSecond: number | null;
};

/** Free space that must be left beside the copy: WAL arrives while it starts. */
const SPARE_RATIO = 0.03;
/** Until something is known: a gigabit link, three quarters used. */
const GUESSED_BYTES_PER_SECOND = 90_000_000;

/** Whether a method can work now, by what was found at its source. Pure. */
export function judgePreflight(request: PreflightRequest): Preflight {
  const { method, facts, capabilities } = request;
  const room = roomCheck(request);
  const checks = [
    { name: 'source', ok: true, detail: facts.source },
    identifierCheck(request),
    majorCheck(request),
    walCheck(request),
    ...request.admission,
    ...(capabilities.inPlace ? [] : [room.check]),
    ...facts.objections.map((detail) => ({ name: 'tool', ok: false, detail })),
  ];
  const failed = checks.find(({ ok }) => !ok);
  return {
    method,
    ok: failed === undefined,
    detail: failed === undefined ? whatItDoes(request, room.keepsAside) : failed.detail,
    bytes: facts.bytes,
    estimateSeconds: estimateOf(request),
    keepsAside: !capabilities.inPlace && room.keepsAside,
    checks,
  };
}

function whatItDoes(
  { facts, capabilities, presentBytes }: PreflightRequest,
  keepsAside: boolean,
): string {
  const { source, wal, bytes } = facts;
  if (capabilities.inPlace) {
    const unknown = bytes === null ? ' (how much shows once it was shut down in order)' : '';
    return `${source}; in place, copies only what differs${unknown}`;
  }
  const archived = wal === null ? '' : `, WAL to ${formatLsn(wal.lsn)} on timeline ${wal.timeline}`;
  const goesFirst = !keepsAside && presentBytes > 0;
  const room = goesFirst ? '; no room for both, what is there now goes first' : '';
  return `${source}${archived}${room}`;
}

/** The source could not be asked at all. */
export function failedPreflight(method: RebuildMethod, why: string): Preflight {
  const checks = [{ name: 'source', ok: false, detail: why }];
  const unknown = { bytes: null, estimateSeconds: null, keepsAside: true };
  return { method, ok: false, detail: why, ...unknown, checks };
}

function identifierCheck({ facts, expected }: PreflightRequest): Check {
  const [found, wanted] = [facts.systemIdentifier, expected.systemIdentifier];
  const ok = found === null || wanted === null || found === wanted;
  const detail = ok ? `${found ?? 'not told'}` : `${found}, but the cluster is ${wanted}`;
  return { name: 'system identifier', ok, detail: ok ? detail : `system identifier ${detail}` };
}

function majorCheck({ facts, major }: PreflightRequest): Check {
  const ok = facts.major === null || facts.major === major;
  const detail = ok
    ? `${facts.major ?? 'not told'}`
    : `${facts.major}, but this host runs ${major}`;
  return { name: 'PostgreSQL major', ok, detail: ok ? detail : `PostgreSQL ${detail}` };
}

/** What is fetched must reach the present timeline without a gap, or the primary must still have what comes after. */
function walCheck({ facts, expected, keptFrom }: PreflightRequest): Check {
  const name = 'WAL';
  const { wal, missing } = facts;
  if (wal === null) return { name, ok: true, detail: 'streamed from the primary' };
  const lacks = missing === undefined ? '' : `, and ${missing} is missing there`;
  const reaches = `archived to ${formatLsn(wal.lsn)} on timeline ${wal.timeline}${lacks}`;
  const leadsOn = expected.timeline === null || wal.timeline >= expected.timeline;
  if (leadsOn && missing === undefined) return { name, ok: true, detail: reaches };
  if (keptFrom !== null && keptFrom <= wal.lsn) {
    const kept = `the primary keeps it from ${formatLsn(keptFrom)}`;
    return { name, ok: true, detail: `${reaches}; ${kept}` };
  }
  const since =
    keptFrom === null ? '' : `, and the primary keeps it from ${formatLsn(keptFrom)} only`;
  return {
    name,
    ok: false,
    detail: `WAL is ${reaches}, the cluster is on timeline ${expected.timeline}${since}`,
  };
}

function roomCheck(request: PreflightRequest): { check: Check; keepsAside: boolean } {
  const { facts, freeBytes, presentBytes } = request;
  const name = 'disk';
  if (facts.bytes === null) {
    return { keepsAside: true, check: { name, ok: true, detail: 'size not told' } };
  }
  const needed = Math.ceil(facts.bytes * (1 + SPARE_RATIO));
  const said = `${bytesText(needed)} needed, ${bytesText(freeBytes)} free`;
  if (needed <= freeBytes) return { keepsAside: true, check: { name, ok: true, detail: said } };
  const ok = presentBytes > 0 && needed <= freeBytes + presentBytes;
  const short = `too little disk: ${said}, ${bytesText(needed - freeBytes)} short`;
  const detail = ok ? `${said}: what is there now would go first` : short;
  return { keepsAside: false, check: { name, ok, detail } };
}

function estimateOf({
  facts,
  bandwidthBytesPerSecond,
  capabilities,
}: PreflightRequest): number | null {
  if (facts.bytes === null) return null;
  const own = facts.bytesPerSecond ?? GUESSED_BYTES_PER_SECOND;
  const limit = capabilities.limitsBandwidth ? bandwidthBytesPerSecond : null;
  return Math.ceil(facts.bytes / Math.min(own, limit ?? own));
}
