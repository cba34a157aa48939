import type { ApiClient } from '../api/api-client.ts';
import { UsageError } from '../cli-error.ts';

/** The cluster that was named, or the only one there is. @throws UsageError */
export async function whichCluster(client: ApiClient, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const { clusters } = await client.status();
  const [only] = clusters;
  if (only === undefined) {
    throw new UsageError('there is no cluster yet: `matriarch cluster create NAME --file FILE`');
  }
  if (clusters.length > 1) {
    const names = clusters.map(({ name }) => name).join(', ');
    throw new UsageError(`there are several clusters: name one of ${names}`);
  }
  return only.name;
}
