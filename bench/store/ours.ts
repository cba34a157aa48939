import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { epochMs } from '#libs/kernel';
import {
  createAuthority,
  issueCertificate,
  type LinkSecurity,
  type LinkSelf,
  TlsCredentials,
} from '#libs/transport';
import { MemberProcess } from './child.ts';
import { SessionClients } from './session-clients.ts';
import type { StoreUnderTest } from './store.ts';

export type Transport = 'tls' | 'plain';

export type OurOptions = {
  readonly directory: string;
  readonly basePort: number;
  readonly transport: Transport;
  /** Instead of those of bin/matriarch, to try them out. */
  readonly nodeFlags: readonly string[] | null;
};

export type Place = { readonly name: string; readonly host: string; readonly port: number };

const NAMES = ['c1', 'c2', 'c3'];
const HOST = '127.0.0.1';
const OPERATOR = 'bench';
/** Of the clone: this file runs from dist/bench/store. */
const ROOT = join(import.meta.dirname, '..', '..', '..');

/** Three controllers, started by bin/matriarch as in production, with certificates of their own. */
export class OurGroup implements StoreUnderTest {
  private constructor(
    readonly members: readonly MemberProcess[],
    readonly places: readonly Place[],
    readonly security: LinkSecurity,
    readonly self: LinkSelf,
  ) {}

  static async start(options: OurOptions): Promise<OurGroup> {
    const { directory, transport } = options;
    mkdirSync(directory, { recursive: true });
    const now = epochMs(Date.now());
    const authority = await createAuthority({ directory: join(directory, 'certificates'), now });
    const places = NAMES.map((name, at) => ({ name, host: HOST, port: options.basePort + 2 * at }));
    const members: MemberProcess[] = [];
    for (const place of places) {
      const { name, port } = place;
      const issued = await issueCertificate({
        ...{ authority, role: 'controller', name, hosts: [HOST], now },
      });
      const configFile = join(directory, `${name}.yaml`);
      const config = {
        name,
        stateDirectory: join(directory, name),
        listen: { host: HOST, port },
        api: { host: HOST, port: port + 1 },
        controllers: places.map((entry) => ({
          name: entry.name,
          address: `${HOST}:${entry.port}`,
        })),
        tls: { ca: authority.caPath, certificate: issued.certPath, key: issued.keyPath },
        logLevel: 'warn',
        // docs/adr/0007: there is no other way to start one without TLS between processes.
        ...(transport === 'plain' ? { benchmark: { insecurePlainTransport: true } } : {}),
      };
      writeFileSync(configFile, stringify(config));
      const argv = controllerArgv(options, configFile);
      members.push(new MemberProcess({ name, argv, logFile: join(directory, `${name}.log`) }));
    }
    const issued = await issueCertificate({
      ...{ authority, role: 'operator', name: OPERATOR, hosts: [], now },
    });
    const credentials = await TlsCredentials.load(issued);
    const security: LinkSecurity =
      transport === 'plain' ? { kind: 'plain-for-benchmark' } : { kind: 'mutual-tls', credentials };
    for (const member of members) member.start();
    const self = { ...credentials.identity, memberId: 0, incarnation: String(process.pid) };
    const group = new OurGroup(members, places, security, self);
    await group.untilServing();
    return group;
  }

  async untilServing(): Promise<void> {
    (await this.connect(1, 'shared')).close();
  }

  async connect(clients: number, connections: 'shared' | 'own'): Promise<SessionClients> {
    const count = connections === 'shared' ? 1 : clients;
    return await SessionClients.open(this, clients, count);
  }

  requireRunning(): void {
    for (const member of this.members) member.requireRunning();
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }
}

function controllerArgv(options: OurOptions, configFile: string): readonly string[] {
  if (options.nodeFlags === null) {
    return [join(ROOT, 'bin/matriarch'), 'controller', '--config', configFile];
  }
  const main = join(ROOT, 'dist/bundle/apps/controller/src/main.js');
  return [process.execPath, ...options.nodeFlags, main, '--config', configFile];
}
