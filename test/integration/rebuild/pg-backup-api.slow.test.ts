import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instanceName } from '#libs/kernel';
import { ProcessError } from '#libs/process';
import {
  PgBackupApiStandIn,
  type Recovered,
} from '../../../libs/backup/src/testing/pg-backup-api-stand-in.ts';
import { until } from '../until.ts';
import { BackedUpPair } from './backed-up-pair.ts';

/** Barman, its rsync and both SSH connections are real; what answers HTTP is not (Debian has no pg-backup-api). */
let api: PgBackupApiStandIn;
let pair: BackedUpPair;
let diagnosis = '{}';
const recoveries: Promise<Recovered>[] = [];

beforeAll(async () => {
  api = await PgBackupApiStandIn.listen({ diagnose: () => Promise.resolve(diagnosis), recover });
  pair = await BackedUpPair.start({
    config: () => ({
      backup: {
        barman: {
          server: 'main',
          host: 'backup1',
          remoteSshCommand: 'ssh postgres@db1',
          // What would run over SSH fails: all comes by the API.
          program: ['false'],
          api: { url: api.url },
        },
      },
    }),
  });
  diagnosis = await pair.backups.barman('diagnose');
}, 240_000);

afterAll(async () => {
  await Promise.all(recoveries);
  await pair?.remove();
  await api?.close();
});

function recover(argv: readonly string[]): Promise<Recovered> {
  const ended = recovered(argv);
  recoveries.push(ended);
  return ended;
}

async function recovered(argv: readonly string[]): Promise<Recovered> {
  try {
    return { exitCode: 0, output: await pair.backups.barman('recover', ...argv) };
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    return { exitCode: error.failure.exitCode ?? 1, output: error.message };
  }
}

function receiving(): boolean {
  return pair.copying().some((title) => title.startsWith('rsync --server'));
}

function leftOfBarman(): readonly string[] {
  return readdirSync(pair.rig.standby.dataDirectory).filter((name) => name.startsWith('barman'));
}

describe('the REST API of Barman', () => {
  it('has it push a backup, which becomes the standby', async () => {
    await pair.rebuiltBy('barman');
    expect(api.recoveries).toHaveLength(1);
    expect(leftOfBarman()).toEqual([]);
  });

  it('leaves nobody who copies, here or there, when the rebuild is cancelled', async () => {
    const { rig } = pair;
    const { name } = rig.standby;
    await pair.whileSlow(async () => {
      rig.order(name, 'barman', true);
      await until(receiving, 60_000);
      rig.leader.command({ type: 'cancelRebuild', instance: instanceName(name) });
      await until(() => pair.copying().length === 0, 60_000);
    });
    await pair.wholeAgain();
  });

  it('pushes into no later copy when the agent is killed: its rsync is ended first', async () => {
    const { rig } = pair;
    const host = rig.standby;
    const earlier = api.recoveries.length;
    let before = 0;
    await pair.whileSlow(async () => {
      before = rig.order(host.name, 'barman', true);
      await until(receiving, 60_000);
      await host.stopAgent('SIGKILL');
      // Nothing ends it with the agent: that is what is to be survived. Between two of its rsyncs none runs.
      await until(receiving, 60_000);
    });
    expect((await rig.event('RebuildCompleted', before)).method).toBe('barman');
    await rig.streaming();
    const places = api.recoveries.slice(earlier).map((argv) => argv[2]);
    expect(new Set(places).size).toBe(2);
    await until(() => pair.copying().length === 0, 30_000);
    expect(leftOfBarman()).toEqual([]);
  });
});
