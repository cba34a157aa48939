import { randomBytes } from 'node:crypto';
import { run } from '#libs/process';
import type { HostPlan } from '../../apps/cli/src/demo/plan.ts';

const COMMAND_TIMEOUT_MS = 10_000;

/**
 * Hosts of a test: a network namespace each, joined by a bridge that stands in one of its own, with
 * one more cable to the namespace of the test. Names are unique, so that two runs do not meet.
 */
export class HostNetwork {
  readonly hosts: readonly HostPlan[];
  /** As pg_hba.conf spells it. */
  readonly cidr: string;
  readonly #id = randomBytes(2).toString('hex');
  readonly #subnet: string;

  constructor(names: readonly string[]) {
    const [second = 0, third = 0] = randomBytes(2);
    this.#subnet = `10.${128 + (second % 120)}.${third}`;
    this.cidr = `${this.#subnet}.0/24`;
    this.hosts = names.map((name, index) => ({
      name,
      address: `${this.#subnet}.${index + 11}`,
      namespace: `mt${this.#id}-${name}`,
    }));
  }

  async create(): Promise<void> {
    await ip('netns', 'add', this.#switch);
    await ip('-n', this.#switch, 'link', 'add', 'br0', 'type', 'bridge', 'forward_delay', '0');
    await ip('-n', this.#switch, 'link', 'set', 'br0', 'up');
    for (const host of this.hosts) await this.#addHost(host);
    const own = `m${this.#id}-own`;
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
    const rule = ['-A', 'OUTPUT', '-d', this.#host(to).address, '-j', 'DROP'];
    await this.#inside(from, 'iptables', '-w', ...rule);
  }

  async healOneWay(from: string): Promise<void> {
    await this.#inside(from, 'iptables', '-w', '-F', 'OUTPUT');
  }

  /** Power off: the cable first, so that no connection is reset, then every process at once. */
  async powerOff(name: string): Promise<void> {
    await this.cut(name);
    await this.killEverything(name);
  }

  async killEverything(name: string): Promise<void> {
    for (;;) {
      const { stdout } = await ip('netns', 'pids', this.#host(name).namespace ?? '');
      const pids = stdout.split('\n').filter((line) => line !== '');
      if (pids.length === 0) return;
      await run(['kill', '-9', ...pids], {
        timeoutMs: COMMAND_TIMEOUT_MS,
        acceptExitCodes: [0, 1],
      });
    }
  }

  async remove(): Promise<void> {
    for (const host of this.hosts) {
      await this.killEverything(host.name);
      await ip('netns', 'del', host.namespace ?? '');
    }
    await ip('netns', 'del', this.#switch);
  }

  get #switch(): string {
    return `mt${this.#id}-switch`;
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

  #host(name: string): HostPlan {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no host '${name}' in this network`);
    return host;
  }

  async #inside(name: string, ...argv: string[]): Promise<void> {
    const namespace = `--net=/run/netns/${this.#host(name).namespace}`;
    await run(['nsenter', namespace, ...argv], { timeoutMs: COMMAND_TIMEOUT_MS });
  }
}

async function ip(...argv: string[]): ReturnType<typeof run> {
  return await run(['ip', ...argv], { timeoutMs: COMMAND_TIMEOUT_MS });
}
