import { askAdmission } from '#libs/backup';
import type { MemberRecord } from '#libs/cluster';
import { messageOf, type TimelineId } from '#libs/kernel';
import { checkpointedTimeline, RewindError, rewind } from '#libs/postgres-run';
import { serverOf } from '../rebuild/rebuild-sources.ts';
import { REWIND_LIMIT_MS } from '../timing.ts';
import { askUpstream, presentUpstream } from './ask-upstream.ts';
import { keepDivergedWal } from './keep-diverged-wal.ts';
import type { StepContext } from './step-context.ts';
import { NotPermittedError, NotYetError } from './step-error.ts';

/** Attempts that failed before anything was changed; then the next method is taken. */
const ATTEMPTS = 3;
const attempts = new WeakMap<object, number>();
/** While nobody else holds all data the rewind waits, and then leaves it to a method that keeps a copy. */
const IN_PLACE_WAIT_MS = 20_000;
const refusedSinceMs = new WeakMap<object, number>();

/**
 * Takes the instance back to where it left the cluster's history. Not before the source's control file
 * shows the new timeline, and its "no rewind required" is a failure of the method (safety 17).
 */
export async function rewindTo(
  context: StepContext,
  follows: MemberRecord,
  timeline: TimelineId,
): Promise<void> {
  const { local, log, signal, desk, setActivity } = context;
  const { dataDirectory, passFile } = local;
  await context.needCredentials();
  const upstream = await presentUpstream(context, follows);
  await sourceReady(context, upstream, timeline);
  await letsUsStream(context, upstream);
  await permitted(context);
  await keepOnce(context, upstream);
  setActivity(`rewind from ${upstream.name}`);
  const source = local.remote(upstream);
  try {
    const outcome = await rewind(local.installation, {
      dataDirectory,
      source: {
        host: source.host,
        port: String(source.port),
        user: source.user,
        dbname: source.database,
        passfile: passFile,
      },
      timeoutMs: REWIND_LIMIT_MS,
      signal,
      onMessage: (line) => log.debug('pg_rewind', { line }),
    });
    if (outcome.kind === 'not-required') {
      log.error('pg_rewind sees nothing to do on a diverged instance: it will be rebuilt', {});
      desk.rewindDidNot('it saw nothing to do');
    } else {
      log.info('rewound', { durationMs: Math.round(outcome.durationMs) });
      desk.rewound();
    }
    attempts.delete(local);
  } catch (error) {
    countFailure(context, error);
    throw error;
  } finally {
    context.observer.forgetDirectory();
  }
}

/** What ends where it ended at a try that failed before anything was changed is kept already. */
const keptUpTo = new WeakMap<object, string>();

async function keepOnce(context: StepContext, upstream: MemberRecord): Promise<void> {
  const { local, observer } = context;
  const directory = observer.latest?.directory;
  const end = directory?.kind === 'initialised' ? directory.walEnd : null;
  const place = end === null ? null : `${end.timeline}/${end.lsn}`;
  if (place !== null && keptUpTo.get(local) === place) return;
  await keepDivergedWal(context, upstream);
  if (place !== null) keptUpTo.set(local, place);
}

async function sourceReady(
  context: StepContext,
  upstream: MemberRecord,
  timeline: TimelineId,
): Promise<void> {
  const shown = await askUpstream(context, upstream, checkpointedTimeline);
  if (shown >= timeline) return;
  throw new NotYetError(
    `${upstream.name}'s control file still shows timeline ${shown}: it makes a checkpoint first`,
  );
}

/** What could not stream afterwards stays as it is until it can. */
async function letsUsStream({ local, state }: StepContext, upstream: MemberRecord): Promise<void> {
  const server = serverOf(local, state, upstream, true);
  const { checks } = await askAdmission(server, server.streams ? 1 : 0);
  const refused = checks.find(({ ok }) => !ok);
  if (refused !== undefined) throw new NotYetError(refused.detail);
}

/** Safety 25: with nothing aside another standby must hold all data. */
async function permitted(context: StepContext): Promise<void> {
  const { local, desk, state } = context;
  try {
    await context.permitDestruction('rewind', { inPlace: true });
    refusedSinceMs.delete(local);
  } catch (error) {
    if (!(error instanceof NotPermittedError) || !error.inPlace) throw error;
    const nowMs = performance.now();
    const sinceMs = refusedSinceMs.get(local) ?? nowMs;
    refusedSinceMs.set(local, sinceMs);
    const alone = Object.keys(state.members).length <= 2;
    if (alone || nowMs - sinceMs >= IN_PLACE_WAIT_MS) desk.rewindDidNot(error.message);
    throw new NotYetError(error.message, { cause: error });
  }
}

function countFailure({ local, log, signal, desk }: StepContext, error: unknown): void {
  if (signal.aborted || !(error instanceof RewindError) || error.touched) return;
  const count = (attempts.get(local) ?? 0) + 1;
  attempts.set(local, count);
  log.warn('rewind failed', { attempt: count, why: messageOf(error.cause) });
  if (count < ATTEMPTS) return;
  attempts.delete(local);
  desk.rewindDidNot(messageOf(error.cause));
}
