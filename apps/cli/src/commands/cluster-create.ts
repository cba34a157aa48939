import { API_PATHS, orderAnswer } from '#libs/api';
import { loadClusterFile, toClusterDefinition } from '#libs/config';
import { clusterName } from '#libs/kernel';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';

export async function createCluster(
  context: Context,
  name: string,
  file: string,
): Promise<Outcome> {
  const definition = toClusterDefinition(loadClusterFile(file));
  const body = { name: clusterName(name), ...definition };
  const { satisfied } = await (await context.client()).order(API_PATHS.clusters, body, orderAnswer);
  const text =
    satisfied === null
      ? `cluster ${name} is defined: its instances join when their agents start`
      : `nothing to do: ${satisfied}`;
  return { exitCode: EXIT.held, text, result: { cluster: name, ok: true, satisfied } };
}
