import { type ClusterName, clusterName, type InstanceName, instanceName } from '#libs/kernel';

/** For whom a guard or an agent speaks: only ever from its certificate. */
export type GuardIdentity = { readonly cluster: ClusterName; readonly instance: InstanceName };

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
