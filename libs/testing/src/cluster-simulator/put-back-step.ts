import type { AgentLife } from './agent-life.ts';
import { between, count } from './cluster-world.ts';

/** The copy aside takes the place of what is there, which is not looked at again (safety 25). */
export async function putBack({ node, facts, process, world }: AgentLife): Promise<void> {
  const { directory } = node.postgres;
  facts.detached = null;
  node.files.rebuiltOrder = null;
  node.files.dataId += 1;
  directory.kind = 'unfinished';
  await process.sleep(between(world, 1, 60));
  if (directory.aside === null) return;
  directory.kind = 'initialised';
  directory.wal = directory.aside;
  directory.aside = null;
  directory.cleanShutdown = false;
  directory.standbySignal = true;
  directory.checkpointTimeline = directory.wal.branch.timeline;
  directory.conninfo = null;
  count(world, 'copiesPutBack');
}
