import { clusterName, instanceName } from '#libs/kernel';
import type { GuardIdentity } from '#libs/leader';

/**
 * Reads `<cluster>/<instance>`.
 *
 * @throws InvalidNameError
 */
export function identityOf(name: string): GuardIdentity {
  const [cluster = '', instance = '', ...rest] = name.split('/');
  return {
    cluster: clusterName(cluster),
    instance: instanceName([instance, ...rest].join('/')),
  };
}
