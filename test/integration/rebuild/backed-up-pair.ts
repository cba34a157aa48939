import { expect } from 'vitest';
import type { RebuildMethod } from '#libs/cluster';
import { until } from '../until.ts';
import { BackupHosts } from './backup-hosts.ts';
import { copyingInto } from './copying-into.ts';
import { RebuildRig } from './rebuild-rig.ts';

const DEFINITION = {
  pgHba: [
    'local all all trust',
    'local replication all trust',
    'host all barman 127.0.0.1/32 trust',
    'host replication barman 127.0.0.1/32 trust',
    'host all all 127.0.0.1/32 scram-sha-256',
  ],
  rebuild: {
    methods: ['basebackup'],
    automaticRebuild: 'whenSafe',
    inPlaceAlone: false,
    bandwidthBytesPerSecond: null,
  },
  bootstrap: {
    source: null,
    initdbOptions: ['--locale=C.UTF-8'],
    sql: ['CREATE ROLE barman LOGIN SUPERUSER REPLICATION'],
  },
} as const;

type Options = {
  /** The agents' `backup` section and what else their files say. */
  readonly config: (directory: string, name: string) => Record<string, unknown>;
  /** A pgBackRest repository host, to which WAL is archived. */
  readonly repository?: boolean;
};

/** A primary and a standby that never takes over, with the hosts that keep their backups. */
export class BackedUpPair {
  readonly #path = process.env['PATH'];
  readonly backups: BackupHosts;

  private constructor(readonly rig: RebuildRig) {
    this.backups = new BackupHosts(rig);
  }

  static async start(options: Options): Promise<BackedUpPair> {
    const pair = new BackedUpPair(
      await RebuildRig.create({
        config: (directory, name) => ({
          ...options.config(directory, name),
          tags: { noFailover: name === 'pg2' },
        }),
        definition: {
          ...DEFINITION,
          ...(options.repository === true ? { archive: { tool: 'pgbackrest' } } : {}),
        },
      }),
    );
    try {
      await pair.#start(options);
    } catch (error) {
      await pair.remove();
      throw error;
    }
    return pair;
  }

  async #start({ repository = false }: Options): Promise<void> {
    const { rig, backups } = this;
    process.env['PATH'] = `${await backups.prepare()}:${this.#path}`;
    await backups.startSsh();
    const [first] = rig.hosts;
    if (repository && first !== undefined) await backups.startRepository(first);
    await rig.start();
    await rig.streaming();
    if (repository) await backups.backUpRepository();
    await backups.startBarman(rig.primary);
  }

  /** Has the standby built anew by `method`; it must have what was written after the backup. */
  async rebuiltBy(method: RebuildMethod, table = `before_${method}`): Promise<void> {
    const { rig } = this;
    await rig.psql(rig.primary, `CREATE TABLE ${table} (a int)`);
    const before = rig.order(rig.standby.name, method);
    expect((await rig.event('RebuildCompleted', before)).method).toBe(method);
    await rig.streaming();
    // It streams, and replays what came after its backup.
    const hasTable = `SELECT to_regclass('${table}') IS NOT NULL`;
    await until(async () => (await rig.psql(rig.standby, hasTable)).stdout.trim() === 't', 20_000);
  }

  /** After a rebuild that was broken off. */
  async wholeAgain(): Promise<void> {
    const { rig } = this;
    const before = rig.order(rig.standby.name, 'basebackup', true);
    await rig.event('RebuildCompleted', before);
    await rig.streaming();
  }

  /** Barman copies so slowly meanwhile that it can be caught at it. */
  async whileSlow(work: () => Promise<void>): Promise<void> {
    const { rig, backups } = this;
    const host = rig.standby;
    await backups.startBarman(rig.primary, 100);
    try {
      await work();
    } finally {
      await backups.startBarman(rig.primary);
      if (host.agent === null) host.startAgent(rig.programs.agent);
    }
  }

  /** What copies into the standby's new directory: here, and what the Barman host has started. */
  copying(): readonly string[] {
    return copyingInto(`${this.rig.standby.dataDirectory}.matriarch-new`);
  }

  async remove(): Promise<void> {
    process.env['PATH'] = this.#path;
    this.backups.stop();
    await this.rig.remove();
  }
}
