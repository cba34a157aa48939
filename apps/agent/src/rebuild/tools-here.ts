import { join } from 'node:path';
import { type RebuildTool, rebuildTool, type WalProgram } from '#libs/backup';
import { type ClusterState, type RebuildMethod, rebuildPolicyOf } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';

/** Null when the configuration of this host says nothing of it. */
export function toolFor(method: RebuildMethod, config: AgentConfig): RebuildTool | null {
  return rebuildTool(method, config.backup, false);
}

/** Null when WAL is fetched by nothing on this host. */
export function walFetchOf(state: ClusterState, config: AgentConfig): WalProgram | null {
  const archive = state.postgres.archive?.tool;
  const { methods } = rebuildPolicyOf(state.postgres);
  for (const method of archive === undefined ? methods : [archive, ...methods]) {
    const program = toolFor(method, config)?.walFetch() ?? null;
    if (program !== null) return program;
  }
  return null;
}

export function walScriptPaths({ stateDirectory }: AgentConfig) {
  return {
    restore: join(stateDirectory, 'wal-restore'),
    archive: join(stateDirectory, 'wal-archive'),
    lease: join(stateDirectory, 'wal-lease'),
  };
}
