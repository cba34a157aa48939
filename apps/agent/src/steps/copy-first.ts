import { type Expected, finishCopy, proveSource } from '#libs/backup';
import {
  type MemberRecord,
  placeText,
  type RebuildMethod,
  type RemotePrimary,
  rebuildPolicyOf,
  remoteMember,
} from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import { type CopyPlaces, readSourceIdentity } from '#libs/postgres-run';
import { serverOf } from '../rebuild/rebuild-sources.ts';
import { toolFor } from '../rebuild/tools-here.ts';
import { presentUpstream } from './ask-upstream.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

type Source = { readonly remote: RemotePrimary; readonly server: MemberRecord };

/**
 * The first data directory of a cluster that follows another: by the first method of the cluster's order
 * that succeeds, a base backup of the remote primary or one of its backups, which the tools of this host
 * must reach. What is not of the remote's database is refused.
 */
export async function copyFirst(
  context: StepContext,
  places: CopyPlaces,
  remote: RemotePrimary,
): Promise<void> {
  const { local, signal, log } = context;
  const server = await presentUpstream(context, remoteMember(remote));
  const { systemIdentifier, timeline } = await readSourceIdentity(
    local.replication(server, remote.user),
  );
  const failures: string[] = [];
  for (const method of methodsOf(context)) {
    try {
      await copyBy(context, places, { remote, server }, method, { systemIdentifier, timeline });
      log.info('first data directory copied', { method, from: placeText(remote) });
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

/** pg_rewind needs something to change; a base backup is what is left without any other. */
function methodsOf({ local, state }: StepContext): readonly RebuildMethod[] {
  const { methods } = rebuildPolicyOf(state.postgres);
  const copying = methods.filter((method) => {
    return toolFor(method, local.config)?.capabilities.inPlace !== true;
  });
  return copying.length === 0 ? ['basebackup'] : copying;
}

async function copyBy(
  { local, state, signal, setActivity }: StepContext,
  places: CopyPlaces,
  { remote, server }: Source,
  method: RebuildMethod,
  expected: Expected,
): Promise<void> {
  const { installation, dataDirectory, config } = local;
  const tool = toolFor(method, config);
  if (tool === null) throw new StepFailedError(`backup.${method} is not configured on this host`);
  const request = {
    ...{ installation, dataDirectory, expected },
    server: serverOf(local, state, server, true),
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
      setActivity(`${method} of ${placeText(remote)}: ${done} of ${total ?? '?'} bytes`),
  });
  await finishCopy(installation, places, expected);
}
