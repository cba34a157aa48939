import type { RebuildMethod } from '#libs/cluster';
import type { RebuildTool } from './rebuild-tool.ts';
import type { BackupSettings, BarmanSettings } from './settings.ts';
import { BarmanTool } from './tools/barman/barman.tool.ts';
import { BarmanApiTool } from './tools/barman/barman-api.tool.ts';
import { BasebackupTool } from './tools/basebackup/basebackup.tool.ts';
import { CustomTool } from './tools/custom/custom.tool.ts';
import { PgRewindTool } from './tools/pg-rewind/pg-rewind.tool.ts';
import { PgbackrestTool } from './tools/pgbackrest/pgbackrest.tool.ts';
import { WalgTool } from './tools/walg/walg.tool.ts';

type Make = (settings: BackupSettings, fetchesWal: boolean) => RebuildTool | null;

function barmanTool(own: BarmanSettings): RebuildTool {
  return own.api === null ? new BarmanTool(own) : new BarmanApiTool(own, own.api);
}

/** The registry: one line a tool. */
const TOOLS: { readonly [Method in RebuildMethod]: Make } = {
  pg_rewind: (_settings, fetchesWal) => new PgRewindTool(fetchesWal),
  pgbackrest: ({ pgbackrest: own }) => (own === null ? null : new PgbackrestTool(own)),
  barman: ({ barman: own }) => (own === null ? null : barmanTool(own)),
  walg: ({ walg: own }) => (own === null ? null : new WalgTool(own)),
  basebackup: () => new BasebackupTool(),
  custom: ({ custom: own }) => (own === null ? null : new CustomTool(own)),
};

/** Null when this host's configuration says nothing of the tool. */
export function rebuildTool(
  method: RebuildMethod,
  settings: BackupSettings,
  fetchesWal: boolean,
): RebuildTool | null {
  return TOOLS[method](settings, fetchesWal);
}
