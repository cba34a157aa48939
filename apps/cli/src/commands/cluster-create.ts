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
      ? `cluster ${name} is defined: ${next(definition.postgres.bootstrap?.adopt)}`
      : `nothing to do: ${satisfied}`;
  return { exitCode: EXIT.held, text, result: { cluster: name, ok: true, satisfied } };
}

function next(adopted: readonly string[] | undefined): string {
  if (adopted === undefined) return 'its instances join when their agents start';
  return (
    `PostgreSQL of ${adopted.join(', ')} is taken over once all their agents are heard. What runs is ` +
    'restarted once, beneath its guard: the primary first, which writers wait for, then its standbys. ' +
    'Watch it with `matriarch events --follow`; `matriarch explain` says what it waits for'
  );
}
