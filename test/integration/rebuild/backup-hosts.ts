import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { osUser, ProcessError, ProcTable, run } from '#libs/process';
import { freePort } from '../../hosts/free-port.ts';
import { signalAll } from '../../hosts/signal-all.ts';
import { POSTGRES_BIN } from '../postgres-binaries.ts';
import { until } from '../until.ts';
import type { BackupSite, SiteHost } from './backup-site.ts';

const POSTGRES = osUser('postgres');
const BARMAN = osUser('barman');
/** pgBackRest's own: another of its commands has the lock. */
const LOCKED_EXIT_CODE = 50;
const LIMITS = { timeoutMs: 120_000 };
const SWITCH_WAL = ['switch-wal', '--force', '--archive', '--archive-timeout', '60', 'main'];

/**
 * A Barman host and a pgBackRest repository host beside a rig: reached over an SSH server and a TLS server
 * of their own on loopback, with keys, certificates and configuration that nobody else uses.
 */
export class BackupHosts {
  readonly directory: string;
  readonly #servers: ChildProcess[] = [];
  #hasStanza = false;
  #sshPort = 0;
  #tlsPort = 0;

  constructor(readonly rig: BackupSite) {
    this.directory = join(rig.directory, 'hosts');
  }

  /** What the agents' file says; `ssh` is ours on the path. */
  static agentConfig(directory: string, name: string): Record<string, unknown> {
    return {
      backup: {
        barman: { server: 'main', host: 'backup1', remoteSshCommand: 'ssh postgres@db1' },
        pgbackrest: { stanza: 'main', config: join(directory, `pgbackrest-${name}.conf`) },
      },
    };
  }

  /**
   * To be called before the agents start: they inherit the path.
   *
   * @param archiving more of the database hosts' pgBackRest configuration
   */
  async prepare(archiving = ''): Promise<string> {
    for (const name of ['', 'bin', 'keys'])
      mkdirSync(join(this.directory, name), { recursive: true });
    this.#sshPort = await freePort();
    this.#tlsPort = await freePort();
    await this.#sshKeys();
    await this.#certificates();
    for (const { name, dataDirectory, port, directory } of this.rig.hosts) {
      const tls = ['ca', 'cert', 'key'].map(
        (kind) => `repo1-host-${kind}-file=${this.#tlsFile(kind, 'client')}\n`,
      );
      this.rig.write(
        `pgbackrest-${name}.conf`,
        `[global]\n${this.#ownPaths(name)}repo1-host=localhost\nrepo1-host-type=tls\n` +
          `repo1-host-port=${this.#tlsPort}\nrepo1-host-config=${this.directory}/repository.conf\n` +
          `${tls.join('')}[main]\npg1-path=${dataDirectory}\npg1-port=${port}\n` +
          `pg1-socket-path=${directory}\n${archiving}`,
      );
    }
    this.#program('ssh', `exec /usr/bin/ssh -F ${this.directory}/ssh-$(id -un).conf "$@"`);
    this.#program('barman', `exec /usr/bin/barman -c ${this.directory}/barman.conf "$@"`);
    return join(this.directory, 'bin');
  }

  async startSsh(): Promise<void> {
    mkdirSync('/run/sshd', { recursive: true });
    writeFileSync(
      join(this.directory, 'sshd.conf'),
      `Port ${this.#sshPort}\nListenAddress 127.0.0.1\nHostKey ${this.directory}/keys/host\n` +
        `AuthorizedKeysFile ${this.directory}/keys/authorized-%u\nStrictModes no\nUsePAM yes\n` +
        `PidFile none\nPasswordAuthentication no\nSetEnv PATH=${this.directory}/bin:/usr/bin:/bin\n`,
    );
    this.#serve(['/usr/sbin/sshd', '-D', '-e', '-f', join(this.directory, 'sshd.conf')], null);
    await this.#answersOn(this.#sshPort);
  }

  /** The repository's own host copies the primary as if it were its own: they share a machine here. */
  async startRepository(primary: SiteHost) {
    const tls = ['ca', 'cert', 'key'].map(
      (kind) => `tls-server-${kind}-file=${this.#tlsFile(kind, 'server')}\n`,
    );
    this.rig.write(
      'hosts/repository.conf',
      `[global]\n${this.#ownPaths('repository')}repo1-path=${this.rig.owned('repository')}\n` +
        `repo1-retention-full=2\ncompress-level=1\nstart-fast=y\ntls-server-address=localhost\n` +
        `tls-server-port=${this.#tlsPort}\ntls-server-auth=pg=main\n${tls.join('')}` +
        `[main]\npg1-path=${primary.dataDirectory}\npg1-port=${primary.port}\n` +
        `pg1-socket-path=${primary.directory}\n`,
    );
    const config = `--config=${this.directory}/repository.conf`;
    this.#serve(['pgbackrest', config, '--log-level-file=off', 'server'], POSTGRES);
    await this.#answersOn(this.#tlsPort);
  }

  /**
   * From here on another repository, of Barman's user and reached over SSH: by the agents to fetch and
   * archive WAL and to restore, and from there to copy the primary.
   */
  async moveRepositoryBehindSsh(primary: SiteHost): Promise<void> {
    const repository = this.#ofBarman('repository-ssh');
    const own = this.#ofBarman('pgbackrest-ssh');
    const config = this.rig.write(
      'hosts/repository-ssh.conf',
      `[global]\nlog-path=${own}\nlock-path=${own}\nspool-path=${own}\nrepo1-path=${repository}\n` +
        'repo1-retention-full=2\ncompress-level=1\nstart-fast=y\n' +
        `[main]\npg1-host=db1\npg1-host-user=postgres\n` +
        `pg1-host-config=${join(this.rig.directory, `pgbackrest-${primary.name}.conf`)}\n` +
        `pg1-path=${primary.dataDirectory}\npg1-port=${primary.port}\n` +
        `pg1-socket-path=${primary.directory}\n`,
    );
    for (const { name, dataDirectory, port, directory } of this.rig.hosts) {
      this.rig.write(
        `pgbackrest-${name}.conf`,
        `[global]\n${this.#ownPaths(name)}repo1-host=backup1\nrepo1-host-user=barman\n` +
          `repo1-host-config=${config}\n` +
          `[main]\npg1-path=${dataDirectory}\npg1-port=${port}\npg1-socket-path=${directory}\n`,
      );
    }
    const base = ['pgbackrest', `--config=${config}`, '--stanza=main'];
    for (const words of [['stanza-create'], ['check'], ['backup', '--type=full']]) {
      await run([...base, ...words], { ...LIMITS, runAs: BARMAN, env: this.#barmansEnvironment });
    }
  }

  async backUpRepository(): Promise<void> {
    const base = ['pgbackrest', `--config=${this.directory}/repository.conf`, '--stanza=main'];
    if (!this.#hasStanza) await this.#createStanza(base);
    await this.rig.asPostgres([...base, 'check']);
    await this.rig.asPostgres([...base, 'backup', '--type=full']);
  }

  /** A primary that just tries to archive holds the lock that this needs. */
  async #createStanza(base: readonly string[]): Promise<void> {
    await until(async () => {
      try {
        await this.rig.asPostgres([...base, 'stanza-create']);
        return true;
      } catch (error) {
        if (error instanceof ProcessError && error.failure.exitCode === LOCKED_EXIT_CODE)
          return false;
        throw error;
      }
    }, 30_000);
    this.#hasStanza = true;
  }

  /** Receives WAL by streaming and copies with pg_basebackup or rsync, as its own user. */
  async startBarman(
    primary: SiteHost,
    bandwidthKbPerSecond = 0,
    method: 'postgres' | 'rsync' = 'postgres',
  ): Promise<void> {
    const home = join(this.directory, 'barman-home');
    mkdirSync(home, { recursive: true });
    chownSync(home, BARMAN.uid, BARMAN.gid);
    const conninfo = `host=127.0.0.1 port=${primary.port} user=barman`;
    writeFileSync(
      join(this.directory, 'barman.conf'),
      `[barman]\nbarman_user = barman\nbarman_home = ${home}\nlog_file = ${home}/log\n` +
        `[main]\ndescription = main\nconninfo = ${conninfo} dbname=postgres\n` +
        `streaming_conninfo = ${conninfo}\nbackup_method = ${method}\nstreaming_archiver = on\n` +
        (method === 'rsync' ? 'ssh_command = ssh postgres@db1\n' : '') +
        `slot_name = barman\npath_prefix = ${POSTGRES_BIN}\nminimum_redundancy = 0\n` +
        (bandwidthKbPerSecond === 0 ? '' : `bandwidth_limit = ${bandwidthKbPerSecond}\n`),
    );
    if (this.#servers.some(({ spawnargs }) => spawnargs.includes('receive-wal'))) {
      if (method === 'rsync') await this.#barmanBackup();
      return;
    }
    await this.barman('receive-wal', '--create-slot', 'main');
    this.#serve([join(this.directory, 'bin', 'barman'), 'receive-wal', 'main'], BARMAN);
    // A segment that ended before it began would be waited for in vain.
    const active = "SELECT active FROM pg_replication_slots WHERE slot_name = 'barman'";
    await until(async () => (await this.rig.psql(primary, active)).stdout.trim() === 't', 60_000);
    await this.barman(...SWITCH_WAL);
    await this.#barmanBackup();
  }

  async #barmanBackup(): Promise<void> {
    await this.barman('backup', 'main');
    await this.barman(...SWITCH_WAL);
    // As its cron would do it: all that was received before counts, too.
    await until(
      async () => {
        await this.barman('archive-wal', 'main');
        await this.barman('check-backup', 'main', 'latest');
        const shown = await this.barman('-f', 'json', 'show-backup', 'main', 'latest');
        return shown.includes('"DONE"');
      },
      120_000,
      500,
    );
  }

  /** All that the primary wrote so far is in Barman's archive. */
  async barmanArchived(): Promise<void> {
    await this.barman(...SWITCH_WAL);
  }

  async barman(...words: string[]): Promise<string> {
    const env = this.#barmansEnvironment;
    const argv = [join(this.directory, 'bin', 'barman'), ...words];
    return (await run(argv, { ...LIMITS, runAs: BARMAN, env })).stdout;
  }

  get #barmansEnvironment(): NodeJS.ProcessEnv {
    return { ...process.env, HOME: join(this.directory, 'barman-home'), LC_ALL: 'C' };
  }

  #ofBarman(name: string): string {
    const path = this.rig.owned(name);
    chownSync(path, BARMAN.uid, BARMAN.gid);
    return path;
  }

  /** As if the hosts of the backups had lost power, until the function that is returned is called. */
  freeze(program: 'sshd' | 'pgbackrest'): () => void {
    const proc = new ProcTable();
    const server = this.#servers.find(({ spawnfile }) => spawnfile.endsWith(program))?.pid;
    const frozen = server === undefined ? [] : [server];
    for (const parent of frozen) {
      process.kill(parent, 'SIGSTOP');
      frozen.push(...proc.pids().filter((pid) => proc.stat(pid)?.parentPid === parent));
    }
    return () => {
      signalAll(frozen, 'SIGCONT');
    };
  }

  stop(): void {
    for (const { pid, exitCode, signalCode } of this.#servers) {
      // One ends by itself with the primary that it receives from.
      const lives = exitCode === null && signalCode === null;
      if (pid !== undefined && lives) process.kill(-pid, 'SIGKILL');
    }
  }

  #serve([program = '', ...words]: readonly string[], user: typeof POSTGRES | null): void {
    const ids = user === null ? {} : { uid: user.uid, gid: user.gid };
    const env = user === null ? process.env : { ...process.env, HOME: user.home };
    const options = { stdio: 'ignore', cwd: '/', detached: true, env, ...ids } as const;
    this.#servers.push(spawn(program, words, options));
  }

  async #answersOn(port: number): Promise<void> {
    const asked = `until exec 3<>/dev/tcp/localhost/${port}; do sleep 0.1; done 2>/dev/null`;
    await run(['bash', '-c', asked], { timeoutMs: 30_000 });
  }

  async #sshKeys(): Promise<void> {
    const keys = join(this.directory, 'keys');
    for (const name of ['host', 'postgres', 'barman']) {
      const file = join(keys, name);
      await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file], LIMITS);
    }
    const known = join(keys, 'known-hosts');
    writeFileSync(known, `lab ${readFileSync(join(keys, 'host.pub'), 'utf8')}`);
    const pairs = [
      { own: POSTGRES, name: 'postgres', peer: 'barman', alias: 'backup1' },
      { own: BARMAN, name: 'barman', peer: 'postgres', alias: 'db1' },
    ];
    for (const { own, name, peer, alias } of pairs) {
      chownSync(join(keys, name), own.uid, own.gid);
      writeFileSync(join(keys, `authorized-${peer}`), readFileSync(join(keys, `${name}.pub`)));
      writeFileSync(
        join(this.directory, `ssh-${name}.conf`),
        `Host ${alias}\n  HostName 127.0.0.1\n  Port ${this.#sshPort}\n  HostKeyAlias lab\n` +
          `  UserKnownHostsFile ${known}\n  StrictHostKeyChecking yes\n` +
          `  IdentityFile ${keys}/${name}\n  IdentitiesOnly yes\n`,
      );
    }
  }

  /** pgBackRest compares the server's name, and tells clients apart by theirs. */
  async #certificates(): Promise<void> {
    const at = (name: string) => join(this.directory, 'keys', name);
    const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    await run(
      [
        'openssl',
        'req',
        '-x509',
        ...key,
        '-subj',
        '/CN=ca',
        '-keyout',
        at('ca.key'),
        '-out',
        at('ca.crt'),
      ],
      LIMITS,
    );
    for (const [name, subject] of [
      ['server', '/CN=localhost'],
      ['client', '/CN=pg'],
    ] as const) {
      const request = ['-subj', subject, '-addext', 'subjectAltName=DNS:localhost'];
      const issuer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-copy_extensions', 'copy'];
      await run(
        [
          'openssl',
          'req',
          ...key,
          ...request,
          '-keyout',
          at(`${name}.key`),
          '-out',
          at(`${name}.csr`),
        ],
        LIMITS,
      );
      const sign = ['openssl', 'x509', '-req', '-in', at(`${name}.csr`), '-days', '2', ...issuer];
      await run([...sign, '-out', at(`${name}.crt`)], LIMITS);
      chownSync(at(`${name}.key`), POSTGRES.uid, POSTGRES.gid);
    }
  }

  #tlsFile(kind: string, of: string): string {
    const name = kind === 'ca' ? 'ca.crt' : `${of}.${kind === 'key' ? 'key' : 'crt'}`;
    return join(this.directory, 'keys', name);
  }

  #ownPaths(name: string): string {
    const own = this.rig.owned(`pgbackrest-${name}`);
    return `log-path=${own}\nlock-path=${own}\nspool-path=${own}\n`;
  }

  #program(name: string, line: string): void {
    const file = join(this.directory, 'bin', name);
    writeFileSync(file, `#!/bin/sh\n${line}\n`);
    chmodSync(file, 0o755);
  }
}
