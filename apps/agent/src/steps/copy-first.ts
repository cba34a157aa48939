import { completeHistory, type Expected, finishCopy, proveSource } from '#libs/backup';
import {
  isArchive,
  type MemberRecord,
  type RebuildMethod,
  type Remote,
  rebuildPolicyOf,
  remoteMember,
  remoteText,
} from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import { type CopyPlaces, readSourceIdentity } from '#libs/postgres-run';
import { serverOf } from '../rebuild/rebuild-sources.ts';
import { toolFor } from '../rebuild/tools-here.ts';
import { presentUpstream } from './ask-upstream.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

/** Without a server whatever the archive's backup holds is the cluster's data. */
type Source = {
  readonly remote: Remote;
  readonly server: MemberRecord | null;
  readonly expected: Expected;
};

/**
 * The first data directory of a cluster that follows another: by the first method of the cluster's order
 * that succeeds, a base backup of the remote primary or one of its backups, which the tools of this host
 * must reach. What is not of the remote's database is refused, where that is there to be asked.
 */
export async function copyFirst(
  context: StepContext,
  places: CopyPlaces,
  remote: Remote,
): Promise<void> {
  const { signal, log } = context;
  const source = await sourceOf(context, remote);
  const failures: string[] = [];
  for (const method of methodsOf(context, remote)) {
    try {
      await copyBy(context, places, source, method);
      log.info('first data directory copied', { method, from: remoteText(remote) });
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(`${method}: ${messageOf(error)}`);
      log.warn('first data directory not copied', { method, error });
      // What a method has left is not for the next one.
      await places.remove();
      await places.prepare();
    }
  }
  throw new StepFailedError(`nothing to begin with: ${failures.join('; ')}`);
}

async function sourceOf(context: StepContext, remote: Remote): Promise<Source> {
  if (isArchive(remote)) {
    return { remote, server: null, expected: { systemIdentifier: null, timeline: null } };
  }
  const server = await presentUpstream(context, remoteMember(remote));
  const target = context.local.replication(server, remote.user);
  const { systemIdentifier, timeline } = await readSourceIdentity(target);
  return { remote, server, expected: { systemIdentifier, timeline } };
}

/**
 * pg_rewind needs something to change; a base backup is what is left without any other. An archive alone is
 * known by its own backup only: that of another tool could be of another database.
 */
function methodsOf({ local, state }: StepContext, remote: Remote): readonly RebuildMethod[] {
  if (isArchive(remote)) return [remote.archive];
  const { methods } = rebuildPolicyOf(state.postgres);
  const copying = methods.filter((method) => {
    return toolFor(method, local.config)?.capabilities.inPlace !== true;
  });
  return copying.length === 0 ? ['basebackup'] : copying;
}

async function copyBy(
  { local, state, signal, setActivity }: StepContext,
  places: CopyPlaces,
  { remote, server, expected }: Source,
  method: RebuildMethod,
): Promise<void> {
  const { installation, dataDirectory, config } = local;
  const tool = toolFor(method, config);
  if (tool === null) throw new StepFailedError(`backup.${method} is not configured on this host`);
  const request = {
    ...{ installation, dataDirectory, expected },
    server: server === null ? null : serverOf(local, state, server, true),
  };
  const { bandwidthBytesPerSecond } = rebuildPolicyOf(state.postgres);
  const preflight = await proveSource(tool, request, bandwidthBytesPerSecond);
  if (!preflight.ok) throw new StepFailedError(preflight.detail);
  await tool.copy({
    ...request,
    places,
    bandwidthBytesPerSecond,
    expectedBytes: preflight.bytes,
    target: null,
    signal,
    onProgress: (done, total) =>
      setActivity(`${method} of ${remoteText(remote)}: ${done} of ${total ?? '?'} bytes`),
  });
  await finishCopy(installation, places, expected);
  await completeHistory(installation, places.dataDirectory, tool, request.server);
}
