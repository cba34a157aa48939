import { API_PATHS, type ClusterView, clusterView } from '#libs/api';
import type { ApiClient } from '../api/api-client.ts';

/** What an operation under way waits for, as its instances say themselves; null when nothing is told. */
export async function waitingFor(client: ApiClient, cluster: string): Promise<string | null> {
  try {
    return waitingText(await client.read(API_PATHS.cluster(cluster), clusterView));
  } catch {
    // A look that fails says nothing of the operation, which goes on; the events tell its end.
    return null;
  }
}

function waitingText({ operation, restart, paused, instances }: ClusterView): string | null {
  const what = operation ?? restart;
  if (what === null) return null;
  const said = instances.flatMap(({ name, activity, problem }) => {
    const doing = problem ?? activity;
    return doing === null ? [] : [`${name}: ${doing}`];
  });
  const held = paused ? ['the cluster is paused: `matriarch resume`'] : [];
  return [what, ...held, ...said].join('; ');
}
