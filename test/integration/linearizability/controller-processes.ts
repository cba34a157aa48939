import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { seededPrng } from '#libs/kernel';
import { PeerLink, TlsCredentials } from '#libs/transport';
import { systemClock } from '../../../apps/controller/src/system-clock.ts';
import { ThreeControllers } from '../controller/controllers.ts';

const HOST = '127.0.0.1';
const TIMING = { tickMs: 25, heartbeatMs: 50, electionMs: 400 };
const OPERATOR = { role: 'operator', name: 'alice' } as const;

/** Three controllers, a process each, as `make build` left the program. */
export class ControllerProcesses {
  readonly names = ['c1', 'c2', 'c3'] as const;
  readonly #children = new Map<string, ChildProcess>();

  private constructor(private readonly group: ThreeControllers) {}

  static async start(): Promise<ControllerProcesses> {
    const processes = new ControllerProcesses(await ThreeControllers.make());
    for (const name of processes.names) {
      await processes.#configure(name);
      processes.start(name);
    }
    return processes;
  }

  start(name: string): void {
    const output = openSync(this.#file(name, 'log'), 'a');
    const main = join(projectRoot(), 'dist/apps/controller/src/main.js');
    const child = spawn(process.execPath, [main, '--config', this.#file(name, 'yaml')], {
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#children.set(name, child);
  }

  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Comes up by itself again whenever the controller does. */
  async link(to: string, onFrame: (type: number, body: Uint8Array) => void): Promise<PeerLink> {
    const { certPath, keyPath } = await this.group.certificate(OPERATOR.role, OPERATOR.name);
    const { caPath, groupId } = this.group;
    const credentials = await TlsCredentials.load({ caPath, certPath, keyPath });
    const link = new PeerLink({
      host: HOST,
      port: this.#ports(to).link,
      channel: 'session',
      security: { kind: 'mutual-tls', credentials },
      self: { ...OPERATOR, groupId, memberId: 0, incarnation: 'test' },
      expectedName: to,
      time: { clock: systemClock, prng: seededPrng(1) },
      onFrame,
      onUp: () => undefined,
      onDown: () => undefined,
    });
    link.start();
    return link;
  }

  async close(): Promise<void> {
    for (const name of this.names) await this.kill(name);
    await this.group.close();
  }

  async #configure(name: string): Promise<void> {
    const { certPath, keyPath } = await this.group.certificate('controller', name);
    const { link, api } = this.#ports(name);
    const config = {
      name,
      stateDirectory: this.group.directoryOf(name),
      listen: { host: HOST, port: link },
      api: { host: HOST, port: api },
      controllers: this.names.map((other) => ({
        name: other,
        address: `${HOST}:${this.#ports(other).link}`,
      })),
      tls: { ca: this.group.caPath, certificate: certPath, key: keyPath },
      timing: TIMING,
    };
    writeFileSync(this.#file(name, 'yaml'), JSON.stringify(config));
  }

  #ports(name: string): { readonly link: number; readonly api: number } {
    const ports = this.group.ports.get(name);
    if (ports === undefined) throw new Error(`there is no controller ${name}`);
    return ports;
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
