import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ClusterState,
  currentRevision,
  type Endpoint,
  effectiveParameters,
  type MemberRecord,
  type Parameters,
  remoteAt,
  specialLines,
} from '#libs/cluster';
import type { AgentConfig } from '#libs/config';
import { codeOf, type InstanceName } from '#libs/kernel';
import { applicationNameOf, type Settings } from '#libs/postgres-model';
import {
  type ConfigChange,
  type Installation,
  readManagedSettings,
  reload,
  SqlSession,
  type SqlTarget,
  writeHba,
  writeManagedSettings,
} from '#libs/postgres-run';
import { writeFileIfChanged } from '#libs/process';
import type { ClusterCredentials } from '#libs/protocol';
import type { DataIdFile } from '../state-directory/data-id-file.ts';
import { REMOTE_CONNECT_MS, STATEMENT_MS } from '../timing.ts';
import { hbaLinesOf, identText, passFileText } from './hba.ts';
import { LastGoodParameters } from './last-good-parameters.ts';
import { raised } from './raised.ts';
import { settingsOf } from './settings.ts';
import { SparseSegments } from './sparse-segments.ts';
import { restoresBy, upstreamIn } from './upstream.ts';
import { walSettings } from './wal-programs.ts';

export type RunningAs = {
  readonly synchronousStandbyNames: string;
  /** False: only our own roles are let in (safety 12). */
  readonly clients: boolean;
  /** Fetches WAL from the archive, where something here can. */
  readonly restores: boolean;
  /** What a standby needs by its own control file: data of an earlier system may ask for more than we set. */
  readonly atLeast?: Readonly<Record<string, number>>;
};

/** The files and connections of this host's instance. */
export class LocalInstance {
  readonly lastGood: LastGoodParameters;
  readonly #sparseSegments = new SparseSegments();
  #credentials: ClusterCredentials | null = null;

  constructor(
    readonly config: AgentConfig,
    readonly installation: Installation,
    readonly dataId: DataIdFile,
  ) {
    this.lastGood = new LastGoodParameters(config);
  }

  /** Whatever the leader last gave; without them the files stay as they are. */
  get credentials(): ClusterCredentials | null {
    return this.#credentials;
  }

  /** The file for libpq is there from now on, also after a restart of the agent. */
  learnCredentials(credentials: ClusterCredentials): void {
    this.#credentials = credentials;
    writeFileIfChanged(this.passFile, passFileText(credentials));
  }

  get dataDirectory(): string {
    return this.config.postgres.dataDirectory;
  }

  get passFile(): string {
    return join(this.config.stateDirectory, 'pgpass');
  }

  /** By which PostgreSQL counts this data directory among the synchronous standbys (safety 14). */
  get replicationName(): string {
    const { cluster, instance } = this.config;
    return applicationNameOf({ cluster, instance, dataId: this.dataId.current() });
  }

  /** As superuser, over the Unix socket, by the name of our OS user. */
  target(superuser: string, applicationName = 'matriarch agent'): SqlTarget {
    const { socketDirectory, listen } = this.config.postgres;
    return {
      host: socketDirectory,
      port: listen.port,
      user: superuser,
      database: 'postgres',
      applicationName,
      localCommit: true,
      connectTimeoutMs: REMOTE_CONNECT_MS,
      statementTimeoutMs: STATEMENT_MS,
    };
  }

  /** As the rewind role, on another member. */
  remote(member: MemberRecord): SqlTarget {
    const { username, password } = this.credentials?.rewind ?? { username: '', password: null };
    return {
      host: member.postgres.host,
      port: member.postgres.port,
      user: username,
      database: 'postgres',
      ...(password === null ? {} : { password }),
      connectTimeoutMs: REMOTE_CONNECT_MS,
      statementTimeoutMs: STATEMENT_MS,
    };
  }

  /** As the replication role, or another one that streams, on a remote server. */
  replication(member: MemberRecord, user: string | null): SqlTarget {
    const { username, password } = this.credentials?.replication ?? {
      username: '',
      password: null,
    };
    const { password: _rewinders, ...place } = this.remote(member);
    const own = password === null ? {} : { password };
    return { ...place, ...own, user: user ?? username };
  }

  /** What is in force after the next reload or start. */
  writeConfiguration(
    state: ClusterState,
    upstream: Endpoint | null,
    { synchronousStandbyNames, clients, restores, atLeast = {} }: RunningAs,
  ): ConfigChange {
    const { config, installation, dataDirectory, passFile, credentials } = this;
    const definition = state.postgres;
    mkdirSync(config.postgres.socketDirectory, { recursive: true });
    const changed = [
      ...writeManagedSettings(
        dataDirectory,
        settingsOf({
          config,
          version: installation.version,
          definition,
          forNow: this.#sparseSegments.settings(performance.now()),
          parameters: raised(this.#parametersOf(state), atLeast),
          upstream,
          remote: remoteAt(state, upstream),
          dataId: this.dataId.current(),
          passFile,
          wal: walSettings(state, config, restores),
          synchronousStandbyNames,
        }),
      ).changedFiles,
    ];
    const { instance } = config;
    const special = specialLines(definition, roleIn(state, instance), instance);
    const ident = identText(config.postgres.user, definition, special.pgIdent);
    if (writeFileIfChanged(join(dataDirectory, 'pg_ident.conf'), ident)) {
      changed.push('pg_ident.conf');
    }
    if (credentials !== null) {
      const members = Object.values(state.members);
      const access = { definition, members, credentials, special: special.pgHba, clients };
      const lines = hbaLinesOf(access);
      changed.push(...writeHba(dataDirectory, lines).changedFiles);
    }
    return { changedFiles: changed };
  }

  /** Brings the files up to date beneath a running or stopped instance; it follows whom it followed. */
  refreshConfiguration(state: ClusterState, clients: boolean): ConfigChange {
    if (!existsSync(join(this.dataDirectory, 'PG_VERSION'))) return { changedFiles: [] };
    // Only a step changes what commits wait for: it proves what then is in force.
    const written = readManagedSettings(this.dataDirectory);
    const { synchronous_standby_names: names = '' } = written;
    const upstream = upstreamIn(written);
    const change = this.writeConfiguration(state, upstream, {
      synchronousStandbyNames: names,
      clients,
      // A detached one has neither, and must stay so (safety 6).
      restores: upstream !== null || restoresBy(written),
    });
    if (change.changedFiles.length > 0) this.reloadIfRunning();
    return change;
  }

  /** A standby turns to another upstream: settings for that, to be written with it. */
  turning(state: ClusterState): Settings {
    const nowMs = performance.now();
    this.#sparseSegments.begin(nowMs);
    const settings = Object.entries(this.#sparseSegments.settings(nowMs));
    const given = this.#parametersOf(state);
    return Object.fromEntries(settings.filter(([name]) => !Object.hasOwn(given, name)));
  }

  /** To be called before each start; `lastStop` as the guard says how PostgreSQL ended. */
  aboutToStart(state: ClusterState, lastStop: string | null): void {
    this.lastGood.starting(currentRevision(state), this.#given(state), lastStop);
  }

  /** Those that worked before may be less than the primary has by now, which a standby must never have. */
  #parametersOf(state: ClusterState): Parameters {
    const { instance } = this.config;
    const chosen = this.lastGood.choose(currentRevision(state), this.#given(state));
    return effectiveParameters(state, roleIn(state, instance), instance, chosen);
  }

  #given(state: ClusterState): Parameters {
    const { instance } = this.config;
    return effectiveParameters(state, roleIn(state, instance), instance);
  }

  reloadIfRunning(): void {
    try {
      reload(this.dataDirectory);
    } catch (error) {
      if (codeOf(error) !== 'POSTGRES_NOT_RUNNING') throw error;
    }
  }

  session(superuser: string, applicationName?: string): SqlSession {
    return new SqlSession(this.target(superuser, applicationName));
  }
}

/** The role that the lease gives; a former primary that still runs is about to be stopped. */
function roleIn({ lease }: ClusterState, instance: InstanceName): 'primary' | 'standby' {
  return lease.kind === 'Held' && lease.holder === instance ? 'primary' : 'standby';
}
