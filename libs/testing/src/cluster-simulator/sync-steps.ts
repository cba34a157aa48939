import {
  type ClusterState,
  namesInDoubt,
  type SyncSetting,
  sameSetting,
  settingAtStart,
  wouldAcknowledge,
} from '#libs/cluster';
import type { Lsn } from '#libs/kernel';
import type { StepOf } from '#libs/reconcile';
import type { AgentLife } from './agent-life.ts';
import { between } from './cluster-world.ts';
import { StepError } from './step-error.ts';
import { endOf } from './wal.ts';

const POLL_MS = 5;
const PROOF_LIMIT_MS = 1_000;
const CHECKPOINT_MAX_MS = 900;

/** As `SynchronousFacts` of the agent: what it has told PostgreSQL and proved. */
export type SyncFacts = {
  readonly setting: SyncSetting;
  readonly order: number | null;
  readonly flushedTo: Lsn | null;
  readonly armed: boolean;
  readonly generation: number;
};

export function startedWith({ node, facts }: AgentLife, state: ClusterState): SyncFacts {
  const setting = settingAtStart(state, node.name);
  node.postgres.commits.write(setting);
  const generation = (facts.synchronous?.generation ?? 0) + 1;
  facts.synchronous = null;
  return { setting, order: null, flushedTo: null, armed: setting.count > 0, generation };
}

/** On disk before PostgreSQL starts, and in its access file. */
export function keepClientsOut({ node, facts }: AgentLife, keptOut: boolean): void {
  node.files.clientsKeptOut = keptOut;
  node.postgres.clientsKeptOut = keptOut;
  facts.recoveredTo = null;
}

/** As the agent's step: told, proved of every process that lets commits go on, then said. */
export async function setSynchronous(
  life: AgentLife,
  { setting, order }: Pick<StepOf<'setSynchronous'>, 'setting' | 'order'>,
  state: ClusterState,
): Promise<void> {
  const { facts } = life;
  const before = facts.synchronous;
  const ready = before !== null && sameSetting(before.setting, setting);
  facts.synchronous = null;
  if (!ready) await put(life, setting, state);
  const armed = setting.count > 0 && before?.armed === true;
  const generation = (before?.generation ?? 0) + (armed ? 0 : 1);
  const proved: SyncFacts = { setting, order, flushedTo: flushPosition(life), armed, generation };
  facts.synchronous = proved;
  if (!armed && setting.count > 0) arm(life, proved);
  life.lookAndReport();
}

async function put(life: AgentLife, setting: SyncSetting, state: ClusterState): Promise<void> {
  const { node, process } = life;
  const { commits } = node.postgres;
  const { file, inForce } = commits;
  const older = [...namesInDoubt(state), ...file.setting.names, ...inForce.setting.names];
  const names = [...setting.names, ...older];
  commits.write(setting);
  const { edition } = commits.file;
  commits.reload();
  const untilMs = node.host.nowMs() + PROOF_LIMIT_MS;
  while (!isProved(life, names, edition)) {
    if (node.host.nowMs() > untilMs) throw new StepError('not read by every walsender yet', true);
    await process.sleep(POLL_MS);
  }
}

/** Each walsender under one of the names, old or new, shows what it has read itself. */
function isProved({ node }: AgentLife, names: readonly string[], edition: number): boolean {
  const { commits, streaming, phase } = node.postgres;
  if (phase !== 'running' || commits.inForce.edition !== edition) return false;
  return [...streaming.walsenders.values()].every(({ name, replied, reading }) => {
    const shows = replied && reading.setting.names.includes(name);
    if (!names.includes(name) && !shows) return true;
    return replied && reading.edition === edition;
  });
}

/** A checkpoint proves that the checkpointer has read the files, without which backends do not wait. */
function arm(life: AgentLife, { generation }: SyncFacts): void {
  const { facts, node, process, world } = life;
  const { run } = node.postgres;
  process.after(between(world, 20, CHECKPOINT_MAX_MS), () => {
    if (node.postgres.run !== run || node.postgres.phase !== 'running') return;
    node.postgres.commits.readByCheckpointer();
    if (facts.synchronous?.generation !== generation) return;
    facts.synchronous = { ...facts.synchronous, flushedTo: flushPosition(life), armed: true };
    life.lookAndReport();
  });
}

/** A crash leaves commits that nobody acknowledged: they are shown once a failover would keep them. */
export function admitClients({ facts, node }: AgentLife, state: ClusterState): void {
  if (!node.files.clientsKeptOut) return;
  const { postgres } = node;
  const recoveredTo = facts.recoveredTo ?? endOf(postgres.wal);
  facts.recoveredTo = recoveredTo;
  const hasFlushed = (name: string): boolean => {
    const walsender = postgres.streaming.walsenders.get(name);
    return walsender?.replied === true && endOf(walsender.confirmed) >= recoveredTo;
  };
  if (!wouldAcknowledge(state, hasFlushed)) throw new StepError('clients are kept out', true);
  node.files.clientsKeptOut = false;
  facts.recoveredTo = null;
  postgres.letClientsIn();
}

function flushPosition({ node: { postgres } }: AgentLife): Lsn | null {
  return postgres.role === 'primary' ? endOf(postgres.wal) : null;
}
