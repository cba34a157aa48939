import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findInstallation } from '#libs/postgres-run';
import { killAll, ProcessesInDirectory, run } from '#libs/process';
import { postgresOsUser } from '../../apps/cli/src/demo/directories.ts';

/** PostgreSQL instances that nobody keeps: what the measuring client itself is tested against. */
export class LonePostgres {
  readonly user = postgresOsUser();
  readonly directory: string;
  readonly #postmasters = new Map<string, number>();
  #binDirectory = '';

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'matriarch-lone-'));
    chmodSync(this.directory, 0o700);
    chownSync(this.directory, this.user.uid, this.user.gid);
  }

  async initialise(name: string): Promise<void> {
    this.#binDirectory = (await findInstallation({})).binDirectory;
    const passwordFile = join(this.directory, 'password');
    writeFileSync(passwordFile, 'secret');
    chownSync(passwordFile, this.user.uid, this.user.gid);
    const options = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '-N'];
    await this.#tool(['initdb', '-D', this.#dataDirectory(name), ...options]);
  }

  /** A copy of a stopped instance: started beside it, it is a second writer of the same history. */
  async copy(from: string, to: string): Promise<void> {
    await run(['cp', '-a', this.#dataDirectory(from), this.#dataDirectory(to)], {
      timeoutMs: 30_000,
    });
  }

  async start(name: string, port: number): Promise<void> {
    const argv = ['-D', this.#dataDirectory(name), '-p', String(port), '-k', this.directory];
    const child = spawn(join(this.#binDirectory, 'postgres'), argv, {
      stdio: 'ignore',
      cwd: '/',
      uid: this.user.uid,
      gid: this.user.gid,
    });
    await once(child, 'spawn');
    this.#postmasters.set(name, child.pid ?? 0);
  }

  /** Returns once no process of the instance is left: only then may it be started again. */
  async kill(name: string): Promise<void> {
    const pid = this.#postmasters.get(name);
    if (pid === undefined) return;
    this.#postmasters.delete(name);
    process.kill(pid, 'SIGKILL');
    const dataDirectory = this.#dataDirectory(name);
    await killAll(new ProcessesInDirectory(dataDirectory), { limitMs: 5_000 });
    rmSync(join(dataDirectory, 'postmaster.pid'), { force: true });
  }

  async remove(): Promise<void> {
    for (const name of [...this.#postmasters.keys()]) await this.kill(name);
    rmSync(this.directory, { recursive: true, force: true });
  }

  #dataDirectory(name: string): string {
    return join(this.directory, name);
  }

  async #tool([tool = '', ...argv]: readonly string[]): Promise<void> {
    const runAs = process.getuid?.() === 0 ? { runAs: this.user } : {};
    await run([join(this.#binDirectory, tool), ...argv], { timeoutMs: 60_000, ...runAs });
  }
}
