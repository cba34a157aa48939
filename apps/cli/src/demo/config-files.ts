import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ClusterPlan, ControllerPlan, InstancePlan } from './plan.ts';

/** Passwords of the three database users of the cluster. */
export type Passwords = {
  readonly superuser: string;
  readonly replication: string;
  readonly rewind: string;
};

export type CertificateFiles = { readonly certificate: string; readonly key: string };

/** Where the certificate of one process lies; `name` as in the certificate, `/` becomes `-`. */
export function certificateFiles(
  plan: ClusterPlan,
  role: 'controller' | 'agent' | 'guard' | 'operator',
  name: string,
): CertificateFiles {
  const stem = join(plan.certificatesDirectory, `${role}-${name.replace('/', '-')}`);
  return { certificate: `${stem}.crt`, key: `${stem}.key` };
}

export function authorityFile(plan: ClusterPlan): string {
  return join(plan.certificatesDirectory, 'ca.crt');
}

export function controllerYaml(plan: ClusterPlan, controller: ControllerPlan): string {
  return stringify({
    name: controller.name,
    stateDirectory: controller.directory,
    listen: { host: controller.host.address, port: controller.tlsPort },
    api: { host: controller.host.address, port: controller.httpPort },
    controllers: controllerList(plan),
    tls: {
      ca: authorityFile(plan),
      ...certificateFiles(plan, 'controller', controller.name),
    },
  });
}

export function agentYaml(plan: ClusterPlan, instance: InstancePlan, osUserName: string): string {
  const name = `${plan.cluster}/${instance.name}`;
  return stringify({
    cluster: plan.cluster,
    instance: instance.name,
    stateDirectory: instance.stateDirectory,
    controllers: controllerList(plan),
    tls: { ca: authorityFile(plan), ...certificateFiles(plan, 'agent', name) },
    guard: certificateFiles(plan, 'guard', name),
    api: { host: instance.host.address, port: instance.agentPort },
    postgres: {
      dataDirectory: instance.dataDirectory,
      listen: { host: instance.host.address, port: instance.postgresPort },
      socketDirectory: instance.socketDirectory,
      user: osUserName,
    },
  });
}

export type ClusterYamlOptions = {
  readonly passwords: Passwords;
  /** From where the writing client connects, as pg_hba.conf spells it. */
  readonly clientNetwork: string;
  readonly settings: Readonly<Record<string, number | string | boolean>>;
  /** Further keys of the cluster's file. */
  readonly more?: Readonly<Record<string, unknown>>;
};

export function clusterYaml(options: ClusterYamlOptions): string {
  const { passwords, clientNetwork, settings, more = {} } = options;
  return stringify({
    ...more,
    superuser: { username: 'postgres', password: passwords.superuser },
    replication: { username: 'replicator', password: passwords.replication },
    rewind: { username: 'rewinder', password: passwords.rewind },
    pgHba: [`host all all ${clientNetwork} scram-sha-256`],
    parameters: { shared_buffers: '32MB', max_connections: 50 },
    settings,
  });
}

function controllerList(plan: ClusterPlan): { name: string; address: string }[] {
  return plan.controllers.map(({ name, host, tlsPort }) => ({
    name,
    address: `${host.address}:${tlsPort}`,
  }));
}
