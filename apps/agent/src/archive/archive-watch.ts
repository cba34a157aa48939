import type { ClusterState } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import { messageOf } from '#libs/kernel';
import { waitingForArchive } from '#libs/postgres-run';
import { walArchiveOf } from '../rebuild/tools-here.ts';

const LOOK_MS = 15_000;
/** A busy primary has some for a moment; this many are WAL that piles up. */
const WAITING_MAX = 32;

type Role = 'primary' | 'standby';
type Local = {
  readonly config: Pick<AgentConfig, 'backup'>;
  readonly dataDirectory: string;
};

/** PostgreSQL keeps WAL that is not archived until its disk is full, and says so in its own log alone. */
export class ArchiveWatch {
  problem: string | null = null;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(readonly local: Local) {}

  /** With each look while PostgreSQL is reachable. */
  look(state: ClusterState, role: Role, nowMs: number): void {
    if (nowMs - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = nowMs;
    const tool = state.postgres.archive?.tool;
    this.problem = tool === undefined ? null : this.#problemWith(tool, state, role);
  }

  #problemWith(tool: string, state: ClusterState, role: Role): string | null {
    const { config, dataDirectory } = this.local;
    const why = whyNot(() => walArchiveOf(state, config));
    if (why !== null) {
      const what =
        role === 'primary' ? 'WAL piles up in pg_wal' : 'as a primary it would archive nothing';
      return `archive.tool is ${tool}, and backup.${tool} of this host ${why}: ${what}`;
    }
    if (role !== 'primary') return null;
    const waiting = waitingForArchive(dataDirectory);
    if (waiting.length <= WAITING_MAX) return null;
    return (
      `${waiting.length} WAL files from ${waiting[0]} on wait for ${tool}, which fails or is too slow: ` +
      "PostgreSQL's log has what it said"
    );
  }
}

function whyNot(find: () => unknown): string | null {
  try {
    return find() === null ? 'names nothing that archives WAL' : null;
  } catch (error) {
    return `cannot be used (${messageOf(error)})`;
  }
}
