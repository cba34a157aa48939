import { existsSync, renameSync, rmSync } from 'node:fs';
import type { MemberRecord } from '#libs/cluster';
import { slotNameOf } from '#libs/postgres-model';
import { baseBackup } from '#libs/postgres-run';
import { clearUnfinished } from '#libs/process';
import { CLONE_LIMIT_MS } from '../timing.ts';
import { askUpstream } from './ask-upstream.ts';
import type { StepContext } from './step-context.ts';
import { NotYetError } from './step-error.ts';

/**
 * Copies the upstream's data. What is in the directory is moved aside by rename, and goes only once
 * the copy streams (architecture G5).
 */
export async function clone(
  context: StepContext,
  upstream: MemberRecord,
  replaces: 'nothing' | 'unfinished' | 'instance',
): Promise<void> {
  const { local, state, facts, log, signal, setActivity } = context;
  const { dataDirectory, config, passFile } = local;
  await context.needCredentials();
  await upstreamReady(context, upstream);
  if (replaces !== 'nothing') {
    await context.permitDestruction('rebuild');
    facts.asideDirectory = moveAside(dataDirectory, replaces);
    clearUnfinished(dataDirectory);
    context.observer.forgetDirectory();
  }
  setActivity(`clone from ${upstream.name}`);
  const { host, port } = upstream.postgres;
  const slotName = slotNameOf(config.instance);
  const { durationMs } = await baseBackup(local.installation, {
    dataDirectory,
    source: { host, port: String(port), user: state.postgres.replicationUser, passfile: passFile },
    slotName,
    timeoutMs: CLONE_LIMIT_MS,
    signal,
    onProgress: ({ doneBytes, totalBytes }) => {
      const percent = Math.floor((100 * doneBytes) / Math.max(1, totalBytes));
      setActivity(`clone from ${upstream.name}, ${percent} %`);
    },
  });
  local.dataId.renew();
  context.observer.forgetDirectory();
  log.info('cloned', { upstream: upstream.name, durationMs: Math.round(durationMs) });
}

/** The primary's agent makes our slot; a copy begun before it could lack WAL at its end. */
async function upstreamReady(context: StepContext, upstream: MemberRecord): Promise<void> {
  const { recovery, slot } = await askUpstream(context, upstream, async (session) => {
    const [row] = await session.query(
      `SELECT pg_is_in_recovery() AS recovery,
              EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1) AS slot`,
      [slotNameOf(context.local.config.instance)],
    );
    return row ?? {};
  });
  if (recovery !== false) throw new NotYetError(`${upstream.name} is no primary yet`);
  if (slot !== true) throw new NotYetError(`${upstream.name} has no slot for us yet`);
}

/**
 * One copy is kept aside. Unfinished work never displaces one that is there already, for that may be the
 * last whole copy; an instance does, because it is the newer.
 */
function moveAside(dataDirectory: string, replaces: 'unfinished' | 'instance'): string | null {
  const aside = `${dataDirectory}.matriarch-aside`;
  if (!existsSync(dataDirectory)) return existsSync(aside) ? aside : null;
  if (replaces === 'unfinished' && existsSync(aside)) {
    rmSync(dataDirectory, { recursive: true });
    return aside;
  }
  rmSync(aside, { recursive: true, force: true });
  renameSync(dataDirectory, aside);
  return aside;
}
