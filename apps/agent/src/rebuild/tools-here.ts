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

/** The tool's name is part of the path: pgBackRest makes no backup unless `archive_command` names it. */
export function walScriptPaths({ stateDirectory }: AgentConfig, tool = 'none') {
  return {
    restore: join(stateDirectory, 'wal-restore'),
    archive: join(stateDirectory, `wal-archive-${tool}`),
    lease: join(stateDirectory, 'wal-lease'),
  };
}
