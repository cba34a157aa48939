import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { epochMs } from '#libs/kernel';
import { parseWaldumpLine, walRecordEnd } from '#libs/postgres-model';
import { killAll, osUser, ProcessesInDirectory, ProcTable } from '#libs/process';
import { type Authority, createAuthority, issueCertificate } from '#libs/transport';
import { freePort } from '../../hosts/free-port.ts';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { until } from '../until.ts';
import { AgentStandIn } from './agent-stand-in.ts';
import type { ScriptedControllers } from './scripted-controllers.ts';

const USER = osUser('postgres');
const WAL_SEGMENT_BYTES = 16_777_216;

/** A data directory with its guard, in a directory of its own. */
export class GuardedInstance {
  readonly dataDirectory: string;
  readonly processes: ProcessesInDirectory;
  readonly #guards: ChildProcess[] = [];
  #settingsPath = '';

  private constructor(
    readonly directory: string,
    readonly authority: Authority,
    readonly port: number,
  ) {
    this.dataDirectory = join(directory, 'data');
    this.processes = new ProcessesInDirectory(this.dataDirectory);
  }

  static async create(): Promise<GuardedInstance> {
    const directory = mkdtempSync(join(tmpdir(), 'matriarch-guard-'));
    chownSync(directory, USER.uid, USER.gid);
    const authority = await createAuthority({
      directory: join(directory, 'ca'),
      now: epochMs(Date.now()),
    });
    const instance = new GuardedInstance(directory, authority, await freePort());
    const owner = { uid: USER.uid, gid: USER.gid, cwd: '/' };
    const initdb = ['-D', instance.dataDirectory, '-U', 'postgres', '--auth=trust', '--no-sync'];
    execFileSync(`${POSTGRES_BIN}/initdb`, initdb, owner);
    return instance;
  }

  /** Of a stopped instance, as PostgreSQL's own programs tell it. */
  endOfWal(): bigint | undefined {
    const env = { ...process.env, LC_ALL: 'C' };
    const options = { cwd: '/', encoding: 'utf8', env } as const;
    const control = execFileSync(`${POSTGRES_BIN}/pg_controldata`, [this.dataDirectory], options);
    const start = /^Latest checkpoint location:\s+(\S+)$/m.exec(control)?.[1] ?? '';
    const walDirectory = join(this.dataDirectory, 'pg_wal');
    // It complains of the end of WAL with exit code 1, after it has told what there is.
    const argv = ['-p', walDirectory, '-t', '1', '-s', start];
    const { stdout } = spawnSync(`${POSTGRES_BIN}/pg_waldump`, argv, options);
    const records = stdout.split('\n').flatMap((line) => parseWaldumpLine(line) ?? []);
    const last = records.at(-1);
    return last === undefined ? undefined : walRecordEnd(last, WAL_SEGMENT_BYTES);
  }

  async configure(controllers: ScriptedControllers): Promise<void> {
    const keys = join(this.directory, 'keys');
    mkdirSync(keys, { recursive: true });
    const issued = await issueCertificate({
      authority: this.authority,
      role: 'guard',
      name: 'orders/pg1',
      hosts: ['127.0.0.1'],
      directory: keys,
      now: epochMs(Date.now()),
    });
    chownSync(issued.keyPath, USER.uid, USER.gid);
    chownSync(join(this.directory, 'ca'), USER.uid, USER.gid);
    const socket = `unix_socket_directories=${this.directory}`;
    const settings = {
      cluster: 'orders',
      instance: 'pg1',
      controllers: controllers.addresses,
      tls: { ca: issued.caPath, certificate: issued.certPath, key: issued.keyPath },
      socketPath: this.socketPath,
      postgres: {
        user: USER.name,
        dataDirectory: this.dataDirectory,
        binary: `${POSTGRES_BIN}/postgres`,
        arguments: ['-c', `port=${this.port}`, '-c', socket, '-c', 'fsync=off'],
        logFile: join(this.directory, 'postgres.log'),
      },
    };
    this.#settingsPath = join(this.directory, 'guard.json');
    writeFileSync(this.#settingsPath, JSON.stringify(settings));
  }

  get socketPath(): string {
    return join(this.directory, 'guard.sock');
  }

  /** Starts a guard as root; it becomes PostgreSQL's OS user by itself. */
  spawnGuard(
    script: string,
    nodeArguments: readonly string[] = [],
    ownArguments: readonly string[] = [],
  ): ChildProcess {
    const log = openSync(join(this.directory, 'guard.log'), 'a');
    const argv = [...nodeArguments, script, this.#settingsPath, ...ownArguments];
    const guard = spawn(process.execPath, argv, {
      stdio: ['ignore', 'ignore', log],
      detached: true,
    });
    closeSync(log);
    this.#guards.push(guard);
    return guard;
  }

  /** As on a host where Matriarch was never installed. */
  forgetGuards(): void {
    rmSync(`${this.dataDirectory}.matriarch-guard`);
  }

  /** As a distribution's service starts it: nobody of ours is its parent. */
  startByHand(): number {
    const options = `-p ${this.port} -k ${this.directory} -F`;
    const log = join(this.directory, 'postgres.log');
    const argv = ['-D', this.dataDirectory, '-w', '-l', log, '-o', options, 'start'];
    execFileSync(`${POSTGRES_BIN}/pg_ctl`, argv, { uid: USER.uid, gid: USER.gid, cwd: '/' });
    const pidFile = readFileSync(join(this.dataDirectory, 'postmaster.pid'), 'utf8');
    return Number(pidFile.split('\n')[0]);
  }

  attach(): Promise<AgentStandIn> {
    const attached = until(() => AgentStandIn.attach(this.socketPath).catch(() => null), 5_000);
    return attached.catch((cause: unknown) => {
      throw new Error(`the guard does not answer; its log:\n${this.log()}`, { cause });
    });
  }

  async client(): Promise<Client> {
    const client = new Client({ host: '127.0.0.1', port: this.port, user: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** A client once connections are accepted. */
  connected(): Promise<Client> {
    const connected = until(() => this.client().catch(() => null), 10_000, 10);
    return connected.catch((cause: unknown) => {
      const postgresLog = readFileSync(join(this.directory, 'postgres.log'), 'utf8');
      throw new Error(`no connection; guard:\n${this.log()}\npostgres:\n${postgresLog}`, { cause });
    });
  }

  pids(): number[] {
    return this.processes.scan().processes.map((found) => found.pid);
  }

  log(): string {
    return readFileSync(join(this.directory, 'guard.log'), 'utf8');
  }

  /** Ends every guard and process of the instance, however the test left them. */
  async end(): Promise<void> {
    for (const guard of this.#guards.splice(0)) {
      if (guard.exitCode !== null || guard.signalCode !== null) continue;
      const gone = new Promise((resolve) => guard.once('exit', resolve));
      guard.kill('SIGKILL');
      await gone;
    }
    await killAll(this.processes, { limitMs: 5_000 });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The fuse of a data directory; null while there is none. */
export function fusePid(dataDirectory: string): number | null {
  const proc = new ProcTable();
  for (const pid of proc.pids()) {
    const title = proc.title(pid);
    if (title.includes('matriarch-fuse') && title.includes(dataDirectory)) return pid;
  }
  return null;
}
