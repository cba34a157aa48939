import { request } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { SupervisedProcess } from '../../../apps/cli/src/demo/supervised-process.ts';
import { until } from '../../../apps/cli/src/demo/until.ts';
import type { PeerHost } from './peer-host.ts';

const START_LIMIT_MS = 20_000;
const ANSWER_LIMIT_MS = 1_000;

/** Three members of Debian's etcd, a host each, with its defaults. */
export class EtcdOnHosts {
  readonly processes = new Map<string, SupervisedProcess>();
  #fresh = true;

  constructor(readonly hosts: readonly PeerHost[]) {}

  get clientAddresses(): string[] {
    return this.hosts.map(({ address }) => `${address}:2379`);
  }

  start(name: string): void {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no etcd on '${name}'`);
    const cluster = this.hosts.map((member) => `${member.name}=http://${member.address}:2380`);
    const [client, peer] = [`http://${host.address}:2379`, `http://${host.address}:2380`];
    const argv = [
      ...['etcd', '--name', name, '--data-dir', join(host.directory, 'data')],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', cluster.join(',')],
      ...['--initial-cluster-state', this.#fresh ? 'new' : 'existing'],
    ];
    this.processes.set(name, host.process('etcd', host.argv(...argv)));
  }

  async startAll(): Promise<void> {
    for (const { name } of this.hosts) this.start(name);
    await until('an etcd leader', { limitMs: START_LIMIT_MS }, async () => {
      const leader = await this.#leaderSeen();
      return leader === null ? { instead: 'none' } : { value: leader };
    });
    this.#fresh = false;
  }

  async leaderHost(): Promise<string> {
    const leader = await this.#leaderSeen();
    if (leader === null) throw new Error('etcd has no leader right now');
    return leader;
  }

  async #leaderSeen(): Promise<string | null> {
    for (const { name, address } of this.hosts) {
      const status = await maintenanceStatus(address);
      if (status !== null && status.leader === status.header.member_id) return name;
    }
    return null;
  }
}

type Status = { readonly leader: string; readonly header: { readonly member_id: string } };

async function maintenanceStatus(address: string): Promise<Status | null> {
  return await new Promise((resolve) => {
    const path = '/v3/maintenance/status';
    const sent = request(
      { host: address, port: 2_379, path, method: 'POST', timeout: ANSWER_LIMIT_MS },
      (answer) => {
        json(answer).then(
          (status) => resolve(status as Status),
          () => resolve(null),
        );
      },
    );
    sent.once('error', () => resolve(null));
    sent.once('timeout', () => sent.destroy());
    sent.end('{}');
  });
}
