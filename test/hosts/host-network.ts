import { run } from '#libs/process';
import type { HostPlan } from '../../apps/cli/src/demo/plan.ts';
import { inNetworkOf, ip, killEverythingIn, removeNamespaces } from './namespaces.ts';
import { ownNetworkId, removeNetworksOfTheDead } from './network-id.ts';

const COMMAND_TIMEOUT_MS = 10_000;

/**
 * Hosts of a test: a network namespace each, joined by a bridge that stands in one of its own, with
 * one more cable to the namespace of the test. Names carry our pid: two runs do not meet, and what a
 * run left that was killed is removed by the next one.
 */
export class HostNetwork {
  readonly hosts: readonly HostPlan[];
  /** As pg_hba.conf spells it. */
  readonly cidr: string;
  readonly #id = ownNetworkId();
  readonly #subnet: string;

  constructor(names: readonly string[]) {
    this.#subnet = `10.${128 + (process.pid % 120)}.${(process.pid >> 7) % 250}`;
    this.cidr = `${this.#subnet}.0/24`;
    this.hosts = names.map((name, index) => ({
      name,
      address: `${this.#subnet}.${index + 11}`,
      namespace: `${this.#id}-${name}`,
    }));
  }

  async create(): Promise<void> {
    await removeNetworksOfTheDead();
    await ip('netns', 'add', this.#switch);
    await ip('-n', this.#switch, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
    await ip('-n', this.#switch, 'link', 'set', 'br0', 'up');
    for (const host of this.hosts) await this.#addHost(host);
    const own = `${this.#id}-own`;
    await ip('link', 'add', own, 'type', 'veth', 'peer', 'name', 'own', 'netns', this.#switch);
    await ip('addr', 'add', `${this.#subnet}.254/24`, 'dev', own);
    await ip('link', 'set', own, 'up');
    await this.#plug('own');
  }

  /** Takes the host's cable out: nothing passes, and nobody is told. */
  async cut(name: string): Promise<void> {
    await ip('-n', this.#switch, 'link', 'set', name, 'down');
  }

  async heal(name: string): Promise<void> {
    await ip('-n', this.#switch, 'link', 'set', name, 'up');
  }

  /** What `from` sends to `to` is lost; the other way stays open. */
  async cutOneWay(from: string, to: string): Promise<void> {
    const rule = ['-A', 'OUTPUT', '-d', this.host(to).address, '-j', 'DROP'];
    await this.#inside(from, 'iptables', '-w', ...rule);
  }

  async healOneWay(from: string): Promise<void> {
    await this.#inside(from, 'iptables', '-w', '-F', 'OUTPUT');
  }

  /** Nothing passes between the two groups, either way; within each all is well. */
  async partition(group: readonly string[], other: readonly string[]): Promise<void> {
    for (const from of group) {
      for (const to of other) {
        await this.cutOneWay(from, to);
        await this.cutOneWay(to, from);
      }
    }
  }

  /** Every cable is in, and no packet is dropped. */
  async healAll(): Promise<void> {
    for (const { name } of this.hosts) {
      await this.heal(name);
      await this.healOneWay(name);
    }
  }

  /** Power off: the cable first, so that no connection is reset, then every process at once. */
  async powerOff(name: string): Promise<void> {
    await this.cut(name);
    await this.killEverything(name);
  }

  async killEverything(name: string): Promise<void> {
    await killEverythingIn(this.host(name).namespace ?? '');
  }

  async remove(): Promise<void> {
    const namespaces = this.hosts.map(({ namespace }) => namespace ?? '');
    await removeNamespaces([...namespaces, this.#switch]);
  }

  host(name: string): HostPlan {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no host '${name}' in this network`);
    return host;
  }

  get #switch(): string {
    return `${this.#id}-switch`;
  }

  async #addHost(host: HostPlan): Promise<void> {
    const namespace = host.namespace ?? '';
    await ip('netns', 'add', namespace);
    const peer = ['peer', 'name', host.name, 'netns', this.#switch];
    await ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', ...peer);
    await ip('-n', namespace, 'addr', 'add', `${host.address}/24`, 'dev', 'eth0');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    await this.#plug(host.name);
  }

  async #plug(port: string): Promise<void> {
    await ip('-n', this.#switch, 'link', 'set', port, 'master', 'br0');
    await ip('-n', this.#switch, 'link', 'set', port, 'up');
  }

  async #inside(name: string, ...argv: string[]): Promise<void> {
    await run([...inNetworkOf(this.host(name)), ...argv], { timeoutMs: COMMAND_TIMEOUT_MS });
  }
}
