import { namesInDoubt, type SyncSetting } from '#libs/cluster';
import { type Lsn, parseLsn } from '#libs/kernel';
import {
  changeManagedSettings,
  checkpoint,
  readManagedSettings,
  type SqlSession,
} from '#libs/postgres-run';
import { inForceInBackends, provenInForce, walsenders } from '../synchronous/proof.ts';
import {
  leadFor,
  leadingText,
  priorityIn,
  settingOf,
  settingText,
} from '../synchronous/setting-text.ts';
import { releaseWaitingCommits } from '../synchronous/waiting-commits.ts';
import { CHECKPOINT_MS } from '../timing.ts';
import type { StepContext, SynchronousFacts } from './step-context.ts';

const NAMES = 'synchronous_standby_names';

/**
 * Tells PostgreSQL what commits wait for, and proves that nothing of it runs anything older: then the
 * leader may rely on it (safety 2). On a standby it is held ready for a promotion (safety 15).
 */
export async function setSynchronous(
  context: StepContext,
  setting: SyncSetting,
  order: number | null,
): Promise<void> {
  const { facts, log, sql } = context;
  const text = settingText(setting);
  const before = facts.synchronous;
  // The promoted standby held it ready, and it was proved then.
  const ready = before !== null && before.text === text;
  facts.synchronous = null;
  if (!ready) await put(context, setting, text);
  const armed = text !== '' && before?.armed === true;
  const armedAs = armed ? before.armedAs : {};
  const flushedTo = await flushPosition(sql);
  const proved: SynchronousFacts = { setting, text, order, flushedTo, armed, armedAs };
  facts.synchronous = proved;
  if (!armed && text !== '') context.runInBackground('arm', () => arm(context, proved));
  const fields = { order, setting: text, flushedTo: String(flushedTo), armed };
  log.info('commits wait for', fields);
  if (flushedTo !== null && text !== '') {
    context.runInBackground('waiting commits', () => releaseWaitingCommits(context.looks));
  }
  await context.reportNow();
}

/** First in a form in which each walsender shows that it has read it, then as it is to stay. */
async function put(context: StepContext, setting: SyncSetting, text: string): Promise<void> {
  const { local, sql, state } = context;
  const { dataDirectory } = local;
  const written = readManagedSettings(dataDirectory)[NAMES] ?? '';
  const { inForce, senders } = await walsenders(sql);
  // After a proof that did not succeed the files and a session know the new names only.
  const doubtful = [...namesInDoubt(state), ...namesIn(written), ...namesIn(inForce)];
  const names = [...new Set([...setting.names, ...doubtful])];
  const older = setting.names.map((name) => [
    ...[written, inForce].map((value) => priorityIn(value, name)),
    ...senders.filter((sender) => sender.name === name).map(({ priority }) => priority),
  ]);
  const leading = leadingText(setting, leadFor(setting.names, older));
  const passing = setting.count === 0 ? '' : leading;
  changeManagedSettings(dataDirectory, { [NAMES]: passing });
  local.reloadIfRunning();
  await provenInForce(sql, passing, names);
  if (passing === text) return;
  // To PostgreSQL the two are the same but for whom it prefers: nothing is to be proved of this one.
  changeManagedSettings(dataDirectory, { [NAMES]: text });
  local.reloadIfRunning();
  await inForceInBackends(sql, text);
}

/**
 * From "nobody" to "somebody" the checkpointer must have read the files too: it keeps the flag without
 * which backends do not wait at all, and it may be busy for long. It reads them before it begins a
 * checkpoint, so one that was asked for after the reload proves it.
 */
async function arm(context: StepContext, proved: SynchronousFacts): Promise<void> {
  const { local, state, facts, sql, log } = context;
  await checkpoint(local.target(state.postgres.superuser), CHECKPOINT_MS);
  const flushedTo = await flushPosition(sql);
  // Meanwhile it may have been told to wait for nobody, and for somebody again.
  if (facts.synchronous?.armedAs !== proved.armedAs) return;
  facts.synchronous = { ...facts.synchronous, flushedTo, armed: true };
  log.info('commits surely wait', { setting: facts.synchronous.text });
  await context.reportNow();
}

function namesIn(text: string): readonly string[] {
  return settingOf(text)?.names ?? [];
}

/** Null on a standby. */
async function flushPosition(sql: SqlSession): Promise<Lsn | null> {
  const [row] = await sql.query(
    'SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn()::text END AS lsn',
    [],
  );
  const lsn = row?.['lsn'];
  return typeof lsn === 'string' ? parseLsn(lsn) : null;
}
