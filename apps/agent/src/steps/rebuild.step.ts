import { setTimeout as delay } from 'node:timers/promises';
import {
  askAdmission,
  completeHistory,
  endReceivers,
  finishCopy,
  type Preflight,
  proveSource,
  type RebuildTool,
  type SourceRequest,
} from '#libs/backup';
import { type MemberRecord, REMOTE_NAME, type RebuildMethod, rebuildPolicyOf } from '#libs/cluster';
import { DomainError, messageOf } from '#libs/kernel';
import { slotNameOf } from '#libs/postgres-model';
import {
  CopyPlaces,
  dataPlacesOf,
  discardCopy,
  finishSwap,
  makeRoom,
  refuseStrayFiles,
  swapIn,
} from '#libs/postgres-run';
import { unfinishedWork } from '#libs/process';
import type { StepOf } from '#libs/reconcile';
import { expectedFrom, serverOf } from '../rebuild/rebuild-sources.ts';
import { toolFor } from '../rebuild/tools-here.ts';
import { askUpstream, presentUpstream } from './ask-upstream.ts';
import type { DestructionOrder, StepContext } from './step-context.ts';
import { NotPermittedError, NotYetError, StepFailedError } from './step-error.ts';

const PERMIT_PATIENCE_MS = 60_000;
const PERMIT_RETRY_MS = 200;

/**
 * Builds the data anew by the first method of the order that succeeds. A copy is made beside what is
 * there, proved, and only then put in its place by rename; what was there stays aside until the new one
 * streams (architecture G5, safety 25).
 */
export async function rebuild(context: StepContext, ordered: StepOf<'rebuild'>): Promise<void> {
  const { desk, log, signal, local } = context;
  if (await finishInterruptedSwap(context, ordered.order.order)) return;
  await context.needCredentials();
  const { upstream: from } = ordered;
  const upstream = from === null ? null : await presentUpstream(context, from);
  const step = { ...ordered, upstream };
  const runsSince = upstream === null ? null : await upstreamReady(context, upstream);
  for (const method of methodsOf(context, step)) {
    desk.enter('preflight', method);
    try {
      await buildBy(context, step, method);
      return;
    } catch (error) {
      if (unfinishedWork(local.dataDirectory) !== undefined) context.observer.forgetDirectory();
      if (signal.aborted || passes(error)) throw error;
      await sourceStayed(context, step, method, runsSince);
      desk.failed(method, messageOf(error));
      log.warn('rebuild failed', { method, order: step.order.order, error });
    }
  }
  throw new StepFailedError(needsRebuild(context));
}

/** Tried again from its begin; what needs another healthy standby lets the next method have its turn. */
function passes(error: unknown): boolean {
  if (error instanceof NotPermittedError) return !error.inPlace;
  return error instanceof NotYetError;
}

/**
 * That the server went away or began anew meanwhile is no fault of the method: it is waited for, not given up for a
 * minute.
 *
 * @throws NotYetError
 */
async function sourceStayed(
  context: StepContext,
  { order, upstream }: StepOf<'rebuild'>,
  method: RebuildMethod,
  runsSince: string | null,
): Promise<void> {
  const tool = toolFor(method, context.local.config);
  if (tool?.capabilities.fromServer !== true || upstream === null || order.from !== null) return;
  if ((await upstreamReady(context, upstream)) === runsSince) return;
  throw new NotYetError(`PostgreSQL of ${upstream.name} was started anew meanwhile`);
}

/** A copy of hours is not thrown away because an event came between the question and its answer. */
async function permitted(context: StepContext, order: DestructionOrder): Promise<void> {
  const begunMs = performance.now();
  for (;;) {
    try {
      await context.permitDestruction('rebuild', order);
      return;
    } catch (error) {
      const patient = performance.now() - begunMs < PERMIT_PATIENCE_MS;
      if (!patient || context.signal.aborted || !(error instanceof DomainError)) throw error;
      if (error instanceof NotPermittedError && error.inPlace) throw error;
      await delay(PERMIT_RETRY_MS);
    }
  }
}

function methodsOf(
  context: StepContext,
  { order, upstream, timeline }: StepOf<'rebuild'>,
): readonly RebuildMethod[] {
  const left = context.desk.begin(order, `${upstream?.name ?? 'the archive'} ${timeline}`);
  if (left === null) throw new StepFailedError(needsRebuild(context));
  return left;
}

function needsRebuild({ desk }: StepContext): string {
  const reasons = desk.journal.failures.map(({ method, reason }) => `${method}: ${reason}`);
  return `needs-rebuild: ${reasons.join('; ')}`;
}

/** A crash between the renames: the copy was whole and permitted, so it is put in place. */
async function finishInterruptedSwap(
  { local, desk, observer, log }: StepContext,
  order: number,
): Promise<boolean> {
  const swap = await finishSwap(local.dataDirectory);
  if (swap === null) return false;
  observer.forgetDirectory();
  const { journal } = desk;
  if (journal.order !== order || journal.method === null) return false;
  local.dataId.renew();
  desk.placed(journal.method);
  log.info('went on with putting a copy in place', { aside: swap.aside });
  return true;
}

/**
 * The primary's agent makes our slot; a copy begun before it could lack WAL at its end. Tells since when the server
 * runs.
 *
 * @throws NotYetError
 */
async function upstreamReady(context: StepContext, upstream: MemberRecord): Promise<string> {
  const { recovery, slot, since } = await askUpstream(context, upstream, async (session) => {
    const [row] = await session.query(
      `SELECT pg_is_in_recovery() AS recovery, pg_postmaster_start_time()::text AS since,
              EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1) AS slot`,
      [slotNameOf(context.local.config.instance)],
    );
    return row ?? {};
  });
  const remote = upstream.name === REMOTE_NAME;
  // The standby leader of a cluster that follows another is copied as it is.
  const isCopied = recovery === false || (context.state.following !== undefined && !remote);
  if (!isCopied) throw new NotYetError(`${upstream.name} is no primary yet`);
  if (slot !== true && !remote && hasSlot(context)) {
    throw new NotYetError(await whyNoSlot(context, upstream));
  }
  return String(since);
}

async function whyNoSlot({ local, state }: StepContext, upstream: MemberRecord): Promise<string> {
  const { checks } = await askAdmission(serverOf(local, state, upstream, true), 0);
  const refused = checks.find(({ ok }) => !ok);
  return refused?.detail ?? `${upstream.name} has no slot for us yet`;
}

/** One that never streams has none. */
function hasSlot({ local, state }: StepContext): boolean {
  return state.members[local.config.instance]?.tags.noStream !== true;
}

async function buildBy(
  context: StepContext,
  step: StepOf<'rebuild'>,
  method: RebuildMethod,
): Promise<void> {
  const { local, state, setActivity, desk, log } = context;
  const { config } = local;
  const tool = toolFor(method, config);
  if (tool === null) throw new StepFailedError(`backup.${method} is not configured on this host`);
  setActivity(`${method}: looks at its source`);
  const { bandwidthBytesPerSecond } = rebuildPolicyOf(state.postgres);
  let request = await requestFor(context, step, tool, preferredSource(context, step));
  let preflight = await proveSource(tool, request, bandwidthBytesPerSecond);
  if (!preflight.ok && step.order.from === null && request.server?.slotName === null) {
    log.info('not copied from the preferred source', { why: preflight.detail });
    request = await requestFor(context, step, tool, undefined);
    preflight = await proveSource(tool, request, bandwidthBytesPerSecond);
  }
  if (!preflight.ok) throw new StepFailedError(preflight.detail);
  const inPlace = tool.capabilities.inPlace || !preflight.keepsAside;
  const permit = () => permitted(context, { order: step.order.order, inPlace });
  // What would be refused at the end need not be copied first.
  if (inPlace && step.replaces === 'instance') await permit();
  if (tool.capabilities.inPlace) await changeInPlace(context, step, tool, request, permit);
  else await copyAndSwap(context, tool, request, preflight, permit);
  local.dataId.renew();
  context.observer.forgetDirectory();
  desk.placed(method);
}

/** Whom the order names, else a member that is there for it (tag `cloneFrom`); else the primary. */
function preferredSource(
  { local, state }: StepContext,
  { order, upstream }: StepOf<'rebuild'>,
): MemberRecord | undefined {
  if (order.from !== null) return state.members[order.from];
  return Object.values(state.members).find(
    ({ name, tags }) =>
      tags.cloneFrom === true && name !== local.config.instance && name !== upstream?.name,
  );
}

async function requestFor(
  { local, state }: StepContext,
  { upstream }: StepOf<'rebuild'>,
  tool: RebuildTool,
  from: MemberRecord | undefined,
): Promise<SourceRequest> {
  const source = tool.capabilities.fromServer && !tool.capabilities.inPlace ? from : undefined;
  const member = source ?? upstream;
  const server = member === null ? null : serverOf(local, state, member, source === undefined);
  const { installation, dataDirectory } = local;
  return { installation, dataDirectory, expected: await expectedFrom(state, server), server };
}

async function copyAndSwap(
  context: StepContext,
  tool: RebuildTool,
  request: SourceRequest,
  preflight: Preflight,
  permit: () => Promise<void>,
): Promise<void> {
  const { local, state, signal, setActivity, desk, log } = context;
  const { dataDirectory, config } = local;
  const { walDirectory, tablespaces } = config.postgres;
  const present = dataPlacesOf(dataDirectory);
  const target = { ...present, walDirectory: walDirectory ?? present.walDirectory };
  const places = new CopyPlaces(target, tablespaces);
  // What would be refused at the end need not be copied first.
  refuseStrayFiles(places);
  try {
    if (!preflight.keepsAside) {
      await permit();
      await makeRoom(dataDirectory);
    }
    await endReceivers(places.dataDirectory);
    await places.prepare();
    desk.enter('copying', tool.name);
    await tool.copy({
      ...request,
      places,
      bandwidthBytesPerSecond: rebuildPolicyOf(state.postgres).bandwidthBytesPerSecond,
      expectedBytes: preflight.bytes,
      target: null,
      signal,
      onProgress: (doneBytes, totalBytes) => {
        desk.note(doneBytes, totalBytes ?? preflight.bytes);
        setActivity(activityOf(tool.name, desk.progress));
      },
    });
    setActivity(`${tool.name}: proves the copy`);
    await finishCopy(local.installation, places, request.expected);
    await completeHistory(local.installation, places.dataDirectory, tool, request.server);
    desk.enter('replacing', tool.name);
    await permit();
    const swap = await swapIn(places, preflight.keepsAside);
    log.info('copy in place', { method: tool.name, aside: swap.aside });
  } finally {
    await discardCopy(places);
  }
}

async function changeInPlace(
  { signal, desk, setActivity, local, state }: StepContext,
  { replaces }: StepOf<'rebuild'>,
  tool: RebuildTool,
  request: SourceRequest,
  permit: () => Promise<void>,
): Promise<void> {
  if (replaces !== 'instance') {
    throw new StepFailedError('there is nothing whole in the data directory to change');
  }
  await permit();
  desk.enter('copying', tool.name);
  await tool.copy({
    ...request,
    places: new CopyPlaces(dataPlacesOf(local.dataDirectory)),
    bandwidthBytesPerSecond: rebuildPolicyOf(state.postgres).bandwidthBytesPerSecond,
    expectedBytes: null,
    target: null,
    signal,
    onProgress: (doneBytes, totalBytes) => {
      desk.note(doneBytes, totalBytes);
      setActivity(activityOf(tool.name, desk.progress));
    },
  });
}

function activityOf(
  method: RebuildMethod,
  { doneBytes, totalBytes, secondsLeft }: StepContext['desk']['progress'],
): string {
  if (totalBytes === null || totalBytes === 0n) return `${method}, ${doneBytes} bytes`;
  const percent = Math.min(100, Number((100n * doneBytes) / totalBytes));
  const left = secondsLeft === null ? '' : `, ${secondsLeft} s left`;
  return `${method}, ${percent} %${left}`;
}
