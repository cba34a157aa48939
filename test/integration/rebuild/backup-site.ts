import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { osUser, type RunResult, run } from '#libs/process';
import { POSTGRES_BIN } from '../postgres-binaries.ts';

const USER = osUser('postgres');

/** A database host, as backup tools see it: all share this machine. */
export type SiteHost = {
  readonly name: string;
  /** Where its socket is. */
  readonly directory: string;
  readonly dataDirectory: string;
  readonly port: number;
};

/** Instances with a directory of their own, beside which repositories and their configuration stand. */
export abstract class BackupSite {
  abstract readonly directory: string;
  abstract readonly hosts: readonly SiteHost[];

  /** A directory that PostgreSQL's user may write to. */
  owned(...names: string[]): string {
    const path = join(this.directory, ...names);
    mkdirSync(path, { recursive: true });
    chownSync(path, USER.uid, USER.gid);
    return path;
  }

  write(path: string, text: string, mode = 0o644): string {
    const file = join(this.directory, path);
    writeFileSync(file, text);
    chmodSync(file, mode);
    chownSync(file, USER.uid, USER.gid);
    return file;
  }

  psql(host: SiteHost, sql: string): Promise<RunResult> {
    const argv = ['psql', '-XqAt', '-h', host.directory, '-p', String(host.port), '-c', sql];
    return this.asPostgres([...argv, 'postgres']);
  }

  asPostgres(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    const PATH = `${POSTGRES_BIN}:${process.env['PATH'] ?? ''}`;
    return run(argv, { timeoutMs: 120_000, runAs: USER, env: { ...process.env, PATH, ...env } });
  }
}
