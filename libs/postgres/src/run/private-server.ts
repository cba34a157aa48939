import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, DomainError, messageOf } from '#libs/kernel';
import type { Settings } from '#libs/postgres-model';
import { readPostmasterPid } from '#libs/process';
import type { Installation } from './installation.ts';
import { readControlData } from './read-control-data.ts';
import { runTool } from './run-tool.ts';
import { SqlSession } from './sql-session.ts';

/** A server that was started for one piece of work did not come up, or did not end cleanly. */
export class PrivateServerError extends DomainError {
  readonly code = 'PRIVATE_SERVER';
}

export type PrivateServerRequest = {
  readonly dataDirectory: string;
  readonly superuser: string;
  /** Beside those that keep everybody out. */
  readonly settings: Settings;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

const POLL_MS = 100;
const STATEMENT_MS = 3_600_000;

/**
 * Runs a server on a data directory that is no instance yet, for one piece of work, and stops it cleanly.
 * It listens on a socket in a directory that only its own user can enter; nothing of the directory's own
 * configuration but `postgresql.auto.conf` is read.
 *
 * @throws PrivateServerError with what the server said, or what `work` throws
 */
export async function withPrivateServer(
  installation: Installation,
  request: PrivateServerRequest,
  work: (session: SqlSession, ended: AbortSignal) => Promise<void>,
): Promise<void> {
  const socketDirectory = privateDirectory(installation);
  const ended = new AbortController();
  const said = new ServerSays();
  const server = runTool(installation, argvOf(installation, request, socketDirectory), {
    timeoutMs: request.timeoutMs,
    signal: request.signal,
    onStderrLine: (line) => said.line(line),
  }).then(
    () => null,
    (error: unknown) => error,
  );
  void server.then(() => ended.abort());
  const session = new SqlSession({
    host: socketDirectory,
    port: PORT,
    user: request.superuser,
    database: 'postgres',
    connectTimeoutMs: 5_000,
    statementTimeoutMs: STATEMENT_MS,
  });
  try {
    let failed: unknown = null;
    try {
      await answers(session, ended.signal);
      if (!ended.signal.aborted) await work(session, ended.signal);
    } catch (error) {
      failed = error;
    }
    session.close();
    const early = ended.signal.aborted;
    stopFast(request.dataDirectory);
    const end = await server;
    if (early || end !== null) {
      const why = said.why ?? messageOf(end ?? failed ?? 'it ended by itself');
      throw new PrivateServerError(`the server ended early: ${why}`, { cause: end ?? failed });
    }
    if (failed !== null) throw failed;
  } finally {
    rmSync(socketDirectory, { recursive: true, force: true });
  }
  const { state } = await readControlData(installation, request.dataDirectory);
  if (state !== 'shut down') throw new PrivateServerError(`the server left it '${state}'`);
}

/** What a server and the programs that it runs say when they fail. */
class ServerSays {
  #server: string | null = null;
  #program: string | null = null;

  line(line: string): void {
    const own = /(?:FATAL|PANIC): +(.*)$/.exec(line)?.[1];
    // Said to us, who ask again and again.
    if (own?.startsWith('the database system is') === true) return;
    if (own !== undefined) this.#server ??= own;
    else if (/\berror\b/i.test(line) && !/ \[\d+\] /.test(line)) this.#program = line.trim();
  }

  get why(): string | null {
    const said = [this.#server, this.#program].filter((text) => text !== null);
    return said.length === 0 ? null : said.join('; ');
  }
}

/** Part of the socket's name only: nothing listens on TCP. */
const PORT = 5432;

function privateDirectory({ runAs }: Installation): string {
  const directory = mkdtempSync(join(tmpdir(), 'matriarch-'));
  if (runAs !== undefined) chownSync(directory, runAs.uid, runAs.gid);
  writeFileSync(join(directory, 'hba'), 'local all all trust\n', { mode: 0o644 });
  for (const name of ['conf', 'ident']) writeFileSync(join(directory, name), '', { mode: 0o644 });
  return directory;
}

function argvOf(
  { binDirectory }: Installation,
  { dataDirectory, settings }: PrivateServerRequest,
  directory: string,
): readonly string[] {
  const all: Settings = {
    ...settings,
    config_file: join(directory, 'conf'),
    hba_file: join(directory, 'hba'),
    ident_file: join(directory, 'ident'),
    listen_addresses: '',
    port: String(PORT),
    unix_socket_directories: directory,
    unix_socket_permissions: '0700',
    primary_conninfo: '',
    primary_slot_name: '',
    synchronous_standby_names: '',
    logging_collector: 'off',
    log_destination: 'stderr',
    restart_after_crash: 'off',
  };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return [join(binDirectory, 'postgres'), '-D', dataDirectory, ...options];
}

async function answers(session: SqlSession, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    try {
      await session.query('SELECT 1');
      return;
    } catch (error) {
      // Starting up, or in recovery that is not consistent yet; what else is wrong does not pass.
      if (!NOT_YET.includes(codeOf(error) ?? '')) throw error;
    }
    await delay(POLL_MS);
  }
}

const NOT_YET = ['57P03', 'ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'SQL_TIMEOUT'];

function stopFast(dataDirectory: string): void {
  const pid = readPostmasterPid(dataDirectory)?.pid;
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}
