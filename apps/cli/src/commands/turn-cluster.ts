import * as z from 'zod';
import { API_PATHS, type Json, orderAnswer } from '#libs/api';
import type { ApiClient } from '../api/api-client.ts';
import { RefusedError, UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { interruptible } from '../interruptible.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { elapsedClockMs } from '../system-clock.ts';
import { pauseUntil } from '../watch.ts';
import { followUntil, unwatchedOutcome } from './follow-outcome.ts';
import { whichCluster } from './which-cluster.ts';

/** Covers a checkpoint of a busy primary. */
const DEFAULT_WAIT_MS = 150_000;

export type DemoteOptions = {
  readonly to?: string;
  readonly host?: string;
  readonly archive?: string;
  readonly port?: number;
  readonly slot?: string;
  readonly user?: string;
  readonly yes?: true;
  /** In seconds. */
  readonly wait?: number;
};

export type PromoteOptions = {
  readonly lastWritten?: string;
  readonly yes?: true;
  /** In seconds. */
  readonly wait?: number;
};

/** From the stop of the other cluster until its last bytes are reported here. */
const RECEIVE_LIMIT_MS = 20_000;
const RECEIVE_RETRY_MS = 200;
/** What ends by itself: WAL on its way, or a leader that is just starting and reports. */
const PASSES = new Set([
  ...['wal-missing', 'timeline', 'no-standby-leader', 'sync-setting'],
  ...['not-heard', 'no-guard', 'not-a-standby', 'no-position'],
]);

type Ending = { readonly ok: boolean; readonly text: string; readonly result: Json };
type Judge = (event: { readonly type: string }) => Ending | null;

const demoted = z.looseObject({
  stoppedAt: z.looseObject({ timeline: z.int(), lsn: z.string() }).nullable(),
});
const promoted = z.looseObject({ instance: z.string(), timeline: z.int() });
const reasoned = z.looseObject({ reason: z.string() });

/** The cluster stops writing as a whole, says where, and follows another. */
export async function demoteCluster(
  context: Context,
  named: string | undefined,
  { to, host, archive, port, slot, user, yes, wait }: DemoteOptions,
): Promise<Outcome> {
  if ([to, host, archive].filter((place) => place !== undefined).length !== 1) {
    throw new UsageError(
      'say whom it follows then, one of: --to CLUSTER, --host HOST (with --port PORT), --archive TOOL',
    );
  }
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const given = { to, host, archive, port, slot, user };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  const body = { ...Object.fromEntries(present), acceptUnknown: yes === true };
  const judge: Judge = (event) => {
    if (event.type === 'RemoteChanged') return { ok: true, text: 'it follows', result: {} };
    if (event.type === 'RemoteChangeRefused' || event.type === 'ClusterDemotionAbandoned') {
      const { reason } = reasoned.parse(event);
      return { ok: false, text: `given up: ${reason}`, result: { reason } };
    }
    if (event.type !== 'ClusterDemoted') return null;
    const { stoppedAt } = demoted.parse(event);
    const lastWritten = stoppedAt === null ? null : `${stoppedAt.lsn}@${stoppedAt.timeline}`;
    const end = lastWritten === null ? 'where it ended is not known' : `it ended at ${lastWritten}`;
    const text = `nobody writes in ${cluster} any more, ${end}\n${waysOn(cluster, to, lastWritten)}`;
    return { ok: true, text, result: { lastWritten } };
  };
  return follow(context, client, cluster, API_PATHS.demoteCluster(cluster), body, wait, judge);
}

/** Nobody writes now: what to do next, and how to take it back. */
function waysOn(cluster: string, to: string | undefined, lastWritten: string | null): string {
  const there = lastWritten === null ? '' : ` --last-written ${lastWritten}`;
  const next =
    to === undefined
      ? `next, where the other one is kept: \`matriarch promote-cluster NAME${there}\``
      : `next: \`matriarch promote-cluster ${to}\``;
  return `${next}\nbefore that it can be taken back: \`matriarch promote-cluster ${cluster}\``;
}

/** A standby cluster begins to write as a whole. */
export async function promoteCluster(
  context: Context,
  named: string | undefined,
  { lastWritten, yes, wait }: PromoteOptions,
): Promise<Outcome> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const body = {
    ...(lastWritten === undefined ? {} : { lastWritten }),
    acceptUnknown: yes === true,
  };
  const judge: Judge = (event) => {
    if (event.type !== 'Promoted') return null;
    const { instance, timeline } = promoted.parse(event);
    const text = `${instance} is the primary of ${cluster}, on timeline ${timeline}`;
    return { ok: true, text, result: { primary: instance, timeline } };
  };
  return untilReceived(context, () =>
    follow(context, client, cluster, API_PATHS.promoteCluster(cluster), body, wait, judge),
  );
}

/** What the last writer sent may still be on its way, or not reported yet; it is not waited for in vain. */
async function untilReceived(
  { terminal }: Context,
  promote: () => Promise<Outcome>,
): Promise<Outcome> {
  const giveUpAt = elapsedClockMs() + RECEIVE_LIMIT_MS;
  try {
    return await interruptible(async (signal) => {
      for (;;) {
        try {
          return await promote();
        } catch (error) {
          if (!passes(error) || elapsedClockMs() >= giveUpAt) throw error;
          terminal.transient(`  waits: ${error.message}`);
          await pauseUntil(signal, RECEIVE_RETRY_MS);
          signal.throwIfAborted();
        }
      }
    });
  } finally {
    terminal.transient('');
  }
}

function passes(error: unknown): error is RefusedError {
  if (!(error instanceof RefusedError) || error.rules.length === 0) return false;
  return error.rules.every((rule) => PASSES.has(rule));
}

/** Gives the order and shows each event until one of them ends it. */
async function follow(
  { terminal }: Context,
  client: ApiClient,
  cluster: string,
  path: string,
  body: Json,
  waitSeconds: number | undefined,
  judge: Judge,
): Promise<Outcome> {
  const order = await client.order(path, body, orderAnswer);
  if (order.satisfied !== null) {
    const result = { cluster, ok: true, satisfied: order.satisfied };
    return { exitCode: EXIT.held, text: `nothing to do: ${order.satisfied}`, result };
  }
  const timeoutMs = waitSeconds === undefined ? DEFAULT_WAIT_MS : waitSeconds * 1_000;
  const operation = { cluster, after: order.sequence, timeoutMs, terminal };
  const followed = await followUntil(client, operation, ({ event }) => judge(event));
  if (followed.kind !== 'ended') {
    return unwatchedOutcome(followed, operation, cluster, '`matriarch events --follow`');
  }
  const { ok, text, result } = followed.end;
  const exitCode = ok ? EXIT.held : EXIT.notHeld;
  return { exitCode, text, prose: true, result: { cluster, ok, ...(result as object) } };
}
