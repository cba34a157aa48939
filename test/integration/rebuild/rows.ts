import { until } from '../until.ts';
import type { RebuildRig } from './rebuild-rig.ts';

const LIMIT_MS = 120_000;

/** Every instance shows this many rows of table `t`. */
export async function holdRows(rig: RebuildRig, count: number): Promise<void> {
  await until(async () => {
    const found = await Promise.all(
      rig.hosts.map((host) => rig.psql(host, 'SELECT count(*) FROM t').catch(() => null)),
    );
    return found.every((answer) => answer?.stdout.trim() === String(count));
  }, LIMIT_MS).catch((cause: unknown) => {
    throw new Error(rig.said(), { cause });
  });
}
