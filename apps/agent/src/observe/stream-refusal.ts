import { askAdmission } from '#libs/backup';
import { type ClusterState, goalOf, type MemberRecord, rootOf } from '#libs/cluster';
import { messageOf } from '#libs/kernel';
import type { ReachableInstance } from '#libs/postgres-run';
import type { LocalInstance } from '../postgres/local-instance.ts';
import { serverOf } from '../rebuild/rebuild-sources.ts';

/** A receiver that was ended comes back by itself within this. */
const ASK_AFTER_MS = 6_000;
const ASK_INTERVAL_MS = 10_000;

/** What keeps a standby from streaming from that member; null: nothing that can be asked for. */
type Ask = (state: ClusterState, upstream: MemberRecord) => Promise<string | null>;

/** Why a standby does not stream, in words: PostgreSQL says it in its own log alone. */
export class StreamRefusal {
  problem: string | null = null;
  #notSinceMs: number | null = null;
  #askedMs = Number.NEGATIVE_INFINITY;
  #busy = false;

  constructor(
    readonly local: LocalInstance,
    readonly ask: Ask = (state, upstream) => refusalBy(local, state, upstream),
  ) {}

  /** With each look; asks beside it, nearly never. */
  look(state: ClusterState, { role }: ReachableInstance, nowMs: number): void {
    const upstream = role.kind === 'standby' ? this.#upstreamIn(state) : null;
    if (role.kind === 'primary' || role.receiver?.status === 'streaming' || upstream === null) {
      this.#notSinceMs = null;
      this.problem = null;
      return;
    }
    this.#notSinceMs ??= nowMs;
    const due =
      nowMs - this.#notSinceMs >= ASK_AFTER_MS && nowMs - this.#askedMs >= ASK_INTERVAL_MS;
    if (!due || this.#busy || this.local.credentials === null) return;
    this.#askedMs = nowMs;
    this.#busy = true;
    void this.#find(state, upstream).finally(() => {
      this.#busy = false;
    });
  }

  async #find(state: ClusterState, upstream: MemberRecord): Promise<void> {
    const why = await this.ask(state, upstream).catch(messageOf);
    if (this.#notSinceMs === null) return;
    this.problem = why === null ? null : `does not stream from ${upstream.name}: ${why}`;
  }

  #upstreamIn(state: ClusterState): MemberRecord | null {
    const goal = goalOf(state, this.local.config.instance);
    return goal.kind === 'standby' && goal.archiveOnly !== true ? goal.upstream : null;
  }
}

async function refusalBy(
  local: LocalInstance,
  state: ClusterState,
  upstream: MemberRecord,
): Promise<string | null> {
  const server = serverOf(local, state, upstream, upstream.name === rootOf(state));
  const { checks } = await askAdmission(server, 1);
  return checks.find(({ ok }) => !ok)?.detail ?? null;
}
