import { join } from 'node:path';
import { type RebuildTool, rebuildTool, type WalProgram } from '#libs/backup';
import {
  type ClusterState,
  followedArchive,
  type RebuildMethod,
  rebuildPolicyOf,
} from '#libs/cluster';
import type { AgentConfig } from '#libs/config';

type WithTools = Pick<AgentConfig, 'backup'>;

/** Null when the configuration of this host says nothing of it. */
export function toolFor(method: RebuildMethod, config: WithTools): RebuildTool | null {
  return rebuildTool(method, config.backup, false);
}

/** Null when WAL is fetched by nothing on this host. */
export function walFetchOf(state: ClusterState, config: WithTools): WalProgram | null {
  const { postgres } = state;
  const { methods } = rebuildPolicyOf(postgres);
  const own = postgres.archive === undefined ? methods : [postgres.archive.tool, ...methods];
  // What is written now is in the archive that is followed, and in no other.
  const followed = followedArchive(state);
  for (const method of followed === null ? own : [followed]) {
    const program = toolFor(method, config)?.walFetch() ?? null;
    if (program !== null) return program;
  }
  return null;
}

/** Null when the cluster archives nothing, or this host cannot. */
export function walArchiveOf(state: ClusterState, config: WithTools): WalProgram | null {
  const tool = state.postgres.archive?.tool;
  return tool === undefined ? null : (toolFor(tool, config)?.walArchive() ?? null);
}

/** The tool's name is part of the path: pgBackRest makes no backup unless `archive_command` names it. */
export function walScriptPaths({ stateDirectory }: AgentConfig, tool = 'none') {
  return {
    restore: join(stateDirectory, 'wal-restore'),
    archive: join(stateDirectory, `wal-archive-${tool}`),
    lease: join(stateDirectory, 'wal-lease'),
  };
}
