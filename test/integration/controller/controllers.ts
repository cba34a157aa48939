import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, controllerName, epochMs, seededPrng } from '#libs/kernel';
import { type LogFields, type Logger } from '#libs/observability';
import type { ProtocolRange } from '#libs/protocol';
import {
  createAuthority,
  type IssuedCertificate,
  issueCertificate,
  PeerLink,
  PeerServer,
  TlsCredentials,
} from '#libs/transport';
import {
  type RunningController,
  startController,
} from '../../../apps/controller/src/start-controller.ts';
import { systemClock } from '../../../apps/controller/src/system-clock.ts';
import { freePort } from '../../hosts/free-port.ts';

const HOST = '127.0.0.1';
const TIMING = { tickMs: 25, heartbeatMs: 50, electionMs: 250 };

export type Line = {
  readonly level: string;
  readonly message: string;
  readonly fields?: LogFields;
};

/** What a start may be told wrongly. */
export type Mistakes = {
  readonly directory?: string;
  readonly directoryOf?: string;
  readonly certificateOf?: string;
  readonly portsOf?: string;
};

/** How a controller that is no founder starts. */
export type Joining = { readonly join?: { readonly token: string | null } };

/** How a founder on an empty directory starts. */
export type FoundingWay = {
  readonly foundWithout?: readonly string[];
  readonly signal?: AbortSignal;
};

/** What another version would do otherwise. */
export type Version = { readonly protocol?: ProtocolRange; readonly checkEveryMs?: number };

/** Of a host whose clock is not that of the others. */
export type Deviating = { readonly clock?: Clock };

/** Where a controller listens. */
export type Place = { readonly host: string; readonly link: number; readonly api: number };

/** Three real controllers in one process: own stores, own TLS listeners on loopback. */
export class ThreeControllers {
  readonly running = new Map<string, RunningController>();
  readonly lines: Line[] = [];
  /** Those whose seat was taken away while they ran, with what they said. */
  readonly removed = new Map<string, string>();
  readonly groupId: string;
  #certificates = new Map<string, Promise<IssuedCertificate>>();

  private constructor(
    readonly directory: string,
    readonly authority: Awaited<ReturnType<typeof createAuthority>>,
    readonly ports: Map<string, Place>,
    readonly founders: readonly string[],
  ) {
    this.groupId = authority.groupId;
  }

  static async make(founders: readonly string[] = ['c1', 'c2', 'c3']): Promise<ThreeControllers> {
    const ports = new Map<string, Place>();
    for (const name of founders) {
      ports.set(name, { host: HOST, link: await freePort(), api: await freePort() });
    }
    return await ThreeControllers.at(ports);
  }

  /** Certificates and directories for controllers that listen elsewhere than on loopback. */
  static async at(ports: Map<string, Place>): Promise<ThreeControllers> {
    const directory = mkdtempSync(join(tmpdir(), 'controllers-'));
    const authority = await createAuthority({ directory: join(directory, 'tls'), now: now() });
    return new ThreeControllers(directory, authority, ports, [...ports.keys()]);
  }

  /** Made once, also for callers at the same moment: two would write over each other's files. */
  certificate(
    role: 'controller' | 'agent' | 'guard' | 'operator',
    name: string,
  ): Promise<IssuedCertificate> {
    const key = `${role}/${name}`;
    const known = this.#certificates.get(key);
    if (known !== undefined) return known;
    const made = issueCertificate({
      ...{ authority: this.authority, role, name, now: now() },
      hosts: [...new Set([HOST, this.ports.get(name)?.host ?? HOST])],
    });
    this.#certificates.set(key, made);
    return made;
  }

  get caPath(): string {
    return join(this.directory, 'tls', 'ca.crt');
  }

  directoryOf(name: string): string {
    return join(this.directory, name);
  }

  /** Ports for one more, which is no founder. */
  async newcomer(name: string): Promise<string> {
    const link = await freePort();
    this.ports.set(name, { host: HOST, link, api: await freePort() });
    return `${HOST}:${link}`;
  }

  async start(
    name: string,
    wrong: Mistakes & Joining & FoundingWay & Version & Deviating = {},
  ): Promise<RunningController> {
    const { certPath, keyPath } = await this.certificate('controller', wrong.certificateOf ?? name);
    const { link, api } = this.placeOf(wrong.portsOf ?? name);
    const running = await startController({
      config: {
        name: controllerName(name),
        stateDirectory: wrong.directory ?? this.directoryOf(wrong.directoryOf ?? name),
        listen: { host: HOST, port: link },
        api: { host: HOST, port: api },
        advertise: { host: HOST, port: link },
        ...this.#entry(wrong),
        avoidPrimaryHosts: true,
        insecurePlainTransport: false,
        tls: { ca: this.caPath, certificate: certPath, key: keyPath },
        logLevel: 'info',
        timing: TIMING,
      },
      log: this.#logger({ controller: name }),
      ...(wrong.clock === undefined ? {} : { clock: wrong.clock }),
      ...(wrong.protocol === undefined ? {} : { protocol: wrong.protocol }),
      ...(wrong.checkEveryMs === undefined ? {} : { checkEveryMs: wrong.checkEveryMs }),
      ...(wrong.foundWithout === undefined ? {} : { foundWithout: wrong.foundWithout }),
      ...(wrong.signal === undefined ? {} : { signal: wrong.signal }),
      onFatal: (error) => {
        throw error;
      },
      onRemoved: (error) => {
        this.removed.set(name, error.message);
        void this.stop(name);
      },
    });
    this.running.set(name, running);
    return running;
  }

  /** Founders wait for one another. */
  async startAll(how: Version = {}): Promise<void> {
    await Promise.all(this.founders.map((name) => this.start(name, how)));
  }

  async stop(name: string): Promise<void> {
    const running = this.running.get(name);
    this.running.delete(name);
    await running?.close();
  }

  async close(): Promise<void> {
    for (const name of [...this.running.keys()]) await this.stop(name);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** The one that serves. */
  leader(): Promise<{ readonly name: string; readonly controller: RunningController }> {
    return until('a leader serves', () => {
      for (const [name, controller] of this.running) {
        if (controller.replica.host.serving) return { name, controller };
      }
      return undefined;
    });
  }

  async follower(): Promise<string> {
    const { name } = await this.leader();
    return until('a follower knows the leader', () => {
      for (const [other, { core }] of this.running) {
        if (other !== name && core.leader.name === name) return other;
      }
      return undefined;
    });
  }

  placeOf(name: string): Place {
    const ports = this.ports.get(name);
    if (ports === undefined) throw new Error(`there is no controller ${name}`);
    return ports;
  }

  apiPort(name: string): number {
    return this.placeOf(name).api;
  }

  /** A link as a guard, an agent or an operator would have it. */
  async link(
    channel: 'guard' | 'agent' | 'session',
    identity: { readonly role: 'guard' | 'agent' | 'operator'; readonly name: string },
    to: string,
    onFrame: (type: number, body: Uint8Array) => void,
  ): Promise<PeerLink> {
    const { certPath, keyPath } = await this.certificate(identity.role, identity.name);
    const credentials = await TlsCredentials.load({ caPath: this.caPath, certPath, keyPath });
    return this.linkAs(channel, identity, credentials, to, onFrame);
  }

  /** With any certificate, whoever it says to be. */
  async linkAs(
    channel: 'guard' | 'agent' | 'session',
    identity: { readonly role: 'guard' | 'agent' | 'operator'; readonly name: string },
    credentials: TlsCredentials,
    to: string,
    onFrame: (type: number, body: Uint8Array) => void = () => undefined,
  ): Promise<PeerLink> {
    const { host, link: port } = this.placeOf(to);
    return new Promise((resolve, reject) => {
      let wasUp = false;
      const link = new PeerLink({
        ...{ host, port },
        channel,
        security: { kind: 'mutual-tls', credentials },
        self: { ...identity, groupId: this.groupId, memberId: 0, incarnation: 'test' },
        expectedName: to,
        time: { clock: systemClock, prng: seededPrng(1) },
        onFrame,
        onUp: () => {
          wasUp = true;
          resolve(link);
        },
        onDown: (cause) => {
          // Else it would be tried for ever.
          if (!wasUp) link.stop();
          reject(cause);
        },
      });
      link.start();
    });
  }

  /** Somebody who answers as a controller that waits to be let in would, and asks for nothing. */
  async answerAs(name: string, speaks: ProtocolRange): Promise<() => Promise<void>> {
    const { certPath, keyPath } = await this.certificate('controller', name);
    const credentials = await TlsCredentials.load({ caPath: this.caPath, certPath, keyPath });
    const { host, link: port } = this.placeOf(name);
    const silent = { onFrame: () => undefined, onClose: () => undefined };
    const server = await PeerServer.listen({
      ...{ host, port, clock: systemClock, security: { kind: 'mutual-tls', credentials } },
      self: { ...credentials.identity, memberId: 0, incarnation: 'test', speaks },
      channels: { 'raft-control': () => silent },
      onRefused: () => undefined,
    });
    return () => server.close();
  }

  #entry({ join }: Joining) {
    const address = (name: string) => ({ host: HOST, port: this.placeOf(name).link });
    if (join !== undefined) {
      const controllers = this.founders.map(address);
      return { controllers: [], join: { controllers, token: join.token } };
    }
    const controllers = this.founders.map((name) => ({
      name: controllerName(name),
      address: address(name),
    }));
    return { controllers, join: null };
  }

  #logger(base: LogFields): Logger {
    const at = (level: string) => (message: string, fields?: LogFields) => {
      this.lines.push({ level, message, fields: { ...base, ...fields } });
    };
    return {
      ...{ trace: at('trace'), debug: at('debug'), info: at('info') },
      ...{ warn: at('warn'), error: at('error'), fatal: at('fatal') },
      child: (fields) => this.#logger({ ...base, ...fields }),
    };
  }
}

/** Looks every few milliseconds, for 30 s at most. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const endMs = systemClock.monotonicMs() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (systemClock.monotonicMs() > endMs) throw new Error(`it did not happen in 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function now() {
  return epochMs(systemClock.nowMs());
}
