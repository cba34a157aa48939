import { epochMs } from '#libs/kernel';
import type { OsUser } from '#libs/process';
import { type Authority, createAuthority, issueCertificate } from '#libs/transport';
import { giveTo } from './directories.ts';
import type { ClusterPlan } from './plan.ts';

export const OPERATOR_NAME = 'demo';

/**
 * An authority of its own, and a certificate for each process; agents and guards read theirs as
 * PostgreSQL's user.
 */
export async function writeCertificates(plan: ClusterPlan, postgresUser: OsUser): Promise<void> {
  const now = epochMs(Date.now());
  const authority = await createAuthority({ directory: plan.certificatesDirectory, now });
  const issue = issuer(authority, now);
  for (const { name, host } of plan.controllers) await issue('controller', name, [host.address]);
  for (const { name, host } of plan.instances) {
    for (const role of ['agent', 'guard'] as const) {
      const { certPath, keyPath } = await issue(role, `${plan.cluster}/${name}`, [host.address]);
      giveTo(postgresUser, certPath);
      giveTo(postgresUser, keyPath);
    }
  }
  await issue('operator', OPERATOR_NAME, []);
}

function issuer(authority: Authority, now: ReturnType<typeof epochMs>) {
  return async (
    role: 'controller' | 'agent' | 'guard' | 'operator',
    name: string,
    hosts: readonly string[],
  ) => await issueCertificate({ authority, role, name, hosts, now });
}
