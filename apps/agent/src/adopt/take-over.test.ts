import { describe, expect, it } from 'vitest';
import type { ClusterState } from '#libs/cluster';
import { createLogger } from '#libs/observability';
import { dataOn, named, Scenario, SYSTEM_IDENTIFIER } from '#libs/testing';
import type { Snapshot } from '../observe/snapshot.ts';
import { TakeOver } from './take-over.ts';

/** The cluster takes over pg1, whose PostgreSQL is to be restarted now. */
function atItsTurn(): ClusterState {
  const scenario = new Scenario().hears('pg1');
  const bootstrap = { source: null, adopt: [named('pg1')], initdbOptions: [], sql: [] };
  scenario.state = { ...scenario.state, postgres: { ...scenario.state.postgres, bootstrap } };
  const initialiser = named('pg1');
  return scenario.record([{ type: 'BootstrapStarted', initialiser, adopts: true }]).state;
}

class World {
  readonly done: string[] = [];
  pid: number | null = 40;
  state = atItsTurn();
  confirmed = true;
  systemIdentifier = SYSTEM_IDENTIFIER;
  checkpointFails = false;
  endFails = false;
  readonly takeOver = new TakeOver({
    instance: named('pg1'),
    state: () => this.state,
    isConfirmed: () => this.confirmed,
    snapshot: () => {
      const directory = { ...dataOn(1), systemIdentifier: this.systemIdentifier };
      return { others: this.pid, directory } as unknown as Snapshot;
    },
    serverAt: (pid) => ({
      checkpoint: async (superuser) => {
        this.done.push(`checkpoint of ${pid} by ${superuser}`);
        if (this.checkpointFails) throw new Error('no such role');
      },
      end: async () => {
        this.done.push(`end ${pid}`);
        if (this.endFails) throw new Error('a walsender holds it up');
      },
    }),
    onEnded: () => this.done.push('guard'),
    log: createLogger({ process: 'test', level: 'fatal' }),
  });

  async look(): Promise<this> {
    this.takeOver.look();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    return this;
  }
}

describe('a server of another system', () => {
  it('is ended when it is its turn, after a checkpoint, and then a guard begins', async () => {
    const { done } = await new World().look();
    expect(done).toEqual(['checkpoint of 40 by postgres', 'end 40', 'guard']);
  });

  it('is ended also where no checkpoint is to be had', async () => {
    const world = new World();
    world.checkpointFails = true;
    await world.look();
    expect(world.done).toEqual(['checkpoint of 40 by postgres', 'end 40', 'guard']);
  });

  it.each([
    ['it is not its turn', (world: World) => Object.assign(world, { state: new Scenario().state })],
    [
      'the leader has not confirmed that',
      (world: World) => Object.assign(world, { confirmed: false }),
    ],
    ['nothing runs', (world: World) => Object.assign(world, { pid: null })],
    [
      'it is of another database',
      (world: World) => {
        world.state = { ...world.state, systemIdentifier: '42' };
      },
    ],
  ])('goes on while %s', async (_what, given) => {
    const world = new World();
    given(world);
    await world.look();
    expect(world.done).toEqual([]);
    expect(world.takeOver.problem).toBeNull();
  });

  it('that somebody starts again goes on, and is told of', async () => {
    const world = await new World().look();
    world.pid = 41;
    await world.look();
    expect(world.done).not.toContain('end 41');
    expect(world.takeOver.problem).toMatch(/process 41.* was started again.*systemctl disable/);
    world.pid = null;
    expect(world.takeOver.problem).toBeNull();
  });

  it('that does not end is told of, and left to its operator', async () => {
    const world = new World();
    world.endFails = true;
    await (await world.look()).look();
    expect(world.takeOver.problem).toContain('a walsender holds it up');
    expect(world.done).toEqual(['checkpoint of 40 by postgres', 'end 40']);
  });
});
