import { finishCopy, proveSource } from '#libs/backup';
import { type RemotePrimary, rebuildPolicyOf, remoteMember } from '#libs/cluster';
import type { CopyPlaces } from '#libs/postgres-run';
import { serverOf } from '../rebuild/rebuild-sources.ts';
import { toolFor } from '../rebuild/tools-here.ts';
import { presentUpstream } from './ask-upstream.ts';
import type { StepContext } from './step-context.ts';
import { StepFailedError } from './step-error.ts';

const NOTHING_EXPECTED = { systemIdentifier: null, timeline: null };

/** The first data directory of a cluster that follows another: a base backup of the remote primary. */
export async function copyFirst(
  context: StepContext,
  places: CopyPlaces,
  remote: RemotePrimary,
): Promise<void> {
  const { local, state, signal, setActivity, log } = context;
  const { installation, dataDirectory, config } = local;
  const source = await presentUpstream(context, remoteMember(remote));
  const tool = toolFor('basebackup', config);
  if (tool === null) throw new StepFailedError('there is no pg_basebackup on this host');
  const server = serverOf(local, state, source, true);
  const request = { installation, dataDirectory, expected: NOTHING_EXPECTED, server };
  const { bandwidthBytesPerSecond } = rebuildPolicyOf(state.postgres);
  const preflight = await proveSource(tool, request, bandwidthBytesPerSecond);
  if (!preflight.ok) throw new StepFailedError(`the remote primary: ${preflight.detail}`);
  await tool.copy({
    ...request,
    places,
    bandwidthBytesPerSecond,
    expectedBytes: preflight.bytes,
    target: null,
    signal,
    onProgress: (done, total) =>
      setActivity(`basebackup of ${remote.host}: ${done} of ${total ?? '?'} bytes`),
  });
  await finishCopy(installation, places, NOTHING_EXPECTED);
  log.info('first data directory copied', { from: `${remote.host}:${remote.port}` });
}
