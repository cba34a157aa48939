import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ControllersAnswer, controllersAnswer } from '#libs/api';
import { seededPrng } from '#libs/kernel';
import { DEFAULT_LINK_TIMING, type LinkTiming, PeerLink, TlsCredentials } from '#libs/transport';
import { systemClock } from '../../../apps/controller/src/system-clock.ts';
import { HostNetwork } from '../../hosts/host-network.ts';
import { inNetworkOf } from '../../hosts/namespaces.ts';
import type { SourcePatch } from '../../simulation/source-patch.ts';
import { builtWith } from '../linearizability/built-with.ts';
import { type Place, ThreeControllers, until } from './controllers.ts';
import { ask } from './http.ts';

const TIMING = { tickMs: 25, heartbeatMs: 50, electionMs: 400 };
const OPERATOR = { role: 'operator', name: 'alice' } as const;
const NAMES = ['c1', 'c2', 'c3'] as const;
const MAIN = 'apps/controller/src/main.js';
const LINK_PORT = 7_400;
const API_PORT = 7_401;

/** Three controllers, a process and a host each, as `make build` left the program. */
export class ControllerProcesses {
  readonly names = NAMES;
  readonly #children = new Map<string, ChildProcess>();
  #program: readonly string[] = [join(projectRoot(), 'dist/bundle', MAIN)];

  private constructor(
    readonly group: ThreeControllers,
    readonly network: HostNetwork,
    readonly timing: typeof TIMING,
  ) {}

  /** Hosts, certificates and configuration; nothing runs yet. `patch` is planted in what will run. */
  static async make(
    patch: SourcePatch | null = null,
    timing: Partial<typeof TIMING> = {},
  ): Promise<ControllerProcesses> {
    const network = new HostNetwork(NAMES);
    const places = network.hosts.map(({ name, address }): [string, Place] => {
      return [name, { host: address, link: LINK_PORT, api: API_PORT }];
    });
    const processes = new ControllerProcesses(await ThreeControllers.at(new Map(places)), network, {
      ...TIMING,
      ...timing,
    });
    try {
      await network.create();
      for (const name of NAMES) await processes.#configure(name);
      if (patch !== null) {
        const loader = builtWith(projectRoot(), processes.group.directory, patch);
        // A place of one file can only be changed where the files are apart: a slower start.
        processes.#program = ['--import', loader, join(projectRoot(), 'dist', MAIN)];
      }
    } catch (error) {
      await processes.close();
      throw error;
    }
    return processes;
  }

  startAll(): void {
    for (const name of NAMES) this.start(name);
  }

  start(name: string): void {
    const output = openSync(this.#file(name, 'log'), 'a');
    const controller = [process.execPath, ...this.#program, '--config', this.#file(name, 'yaml')];
    const [program = '', ...argv] = [...inNetworkOf(this.network.host(name)), ...controller];
    const child = spawn(program, argv, { stdio: ['ignore', output, output] });
    closeSync(output);
    this.#children.set(name, child);
  }

  isRunning(name: string): boolean {
    const child = this.#children.get(name);
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#children.get(name)?.kill(signal);
  }

  /**
   * `name` sleeps, cut off from the others, and has heard nothing from them since it slept: they stood
   * still, too, until the cut was there. SIGCONT wakes it, `network.healAll` ends the cut.
   */
  async sleepApart(name: string): Promise<void> {
    const others = NAMES.filter((other) => other !== name);
    for (const at of [name, ...others]) this.signal(at, 'SIGSTOP');
    await this.network.partition([name], others);
    for (const other of others) this.signal(other, 'SIGCONT');
  }

  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined || !this.isRunning(name)) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** What the controller has logged, all its lives long. */
  log(name: string): string {
    return readFileSync(this.#file(name, 'log'), 'utf8');
  }

  /** How `at` sees the group; null while it does not answer. */
  async seats(at: string): Promise<ControllersAnswer | null> {
    try {
      const answer = await ask(this.group, at, { method: 'GET', path: '/api/v1/controllers' });
      return answer.status === 200 ? controllersAnswer.parse(JSON.parse(answer.body)) : null;
    } catch {
      return null;
    }
  }

  /** Who leads by its own account, which one that was deposed may still give for a moment. */
  leader(): Promise<string> {
    return until('a controller leads', async () => {
      for (const name of NAMES) {
        const seen = await this.seats(name);
        if (seen?.leader === name) return name;
      }
      return undefined;
    });
  }

  /** Comes up by itself again whenever the controller does. */
  async link(
    to: string,
    onFrame: (type: number, body: Uint8Array) => void,
    timing: Partial<LinkTiming> = {},
  ): Promise<PeerLink> {
    const { certPath, keyPath } = await this.group.certificate(OPERATOR.role, OPERATOR.name);
    const { caPath, groupId } = this.group;
    const credentials = await TlsCredentials.load({ caPath, certPath, keyPath });
    const { host, link: port } = this.group.placeOf(to);
    const link = new PeerLink({
      ...{ host, port },
      channel: 'session',
      security: { kind: 'mutual-tls', credentials },
      self: { ...OPERATOR, groupId, memberId: 0, incarnation: 'test' },
      expectedName: to,
      time: { clock: systemClock, prng: seededPrng(1) },
      timing: { ...DEFAULT_LINK_TIMING, ...timing },
      onFrame,
      onUp: () => undefined,
      onDown: () => undefined,
    });
    link.start();
    return link;
  }

  async close(): Promise<void> {
    for (const name of NAMES) await this.kill(name);
    await this.network.remove();
    await this.group.close();
  }

  async #configure(name: string): Promise<void> {
    const { certPath, keyPath } = await this.group.certificate('controller', name);
    const { host, link, api } = this.group.placeOf(name);
    const config = {
      name,
      stateDirectory: this.group.directoryOf(name),
      listen: { host, port: link },
      api: { host, port: api },
      controllers: NAMES.map((other) => ({
        name: other,
        address: `${this.group.placeOf(other).host}:${LINK_PORT}`,
      })),
      tls: { ca: this.group.caPath, certificate: certPath, key: keyPath },
      timing: this.timing,
    };
    writeFileSync(this.#file(name, 'yaml'), JSON.stringify(config));
  }

  #file(name: string, kind: 'yaml' | 'log'): string {
    return join(this.group.directory, `${name}.${kind}`);
  }
}

function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
