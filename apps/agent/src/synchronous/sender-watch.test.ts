import { describe, expect, it } from 'vitest';
import { type ClusterState, DEFAULT_SETTINGS, NOBODY } from '#libs/cluster';
import { epochMs, type InstanceName, instanceName } from '#libs/kernel';
import type { ReachableInstance, ReplicaConnection } from '#libs/postgres-run';
import { MemberAddresses } from './member-addresses.ts';
import { SenderWatch } from './sender-watch.ts';

const NAME = 'demo/pg2/0001';
const OTHER = 'demo/pg3/0001';
const OWN = '10.0.0.2';
const ELSEWHERE = '10.0.0.9';

const sender = (
  pid: number,
  clientAddress?: string,
  applicationName = NAME,
): ReplicaConnection => ({
  ...{ pid, applicationName, user: 'replicator', state: 'streaming', syncState: 'async' },
  connectedAt: epochMs(1_000_000),
  ...(clientAddress === undefined ? {} : { clientAddress }),
});

type Scene = {
  readonly senders: readonly ReplicaConnection[];
  readonly host?: string;
  /** Of the walsender that streams from the member's slot. */
  readonly slotPid?: number;
  readonly inForce?: string;
  readonly committed?: readonly string[];
  readonly ordered?: readonly string[];
  readonly superseded?: readonly string[];
  readonly operation?: string;
  readonly mode?: 'off' | 'quorum';
  /** No commit is acknowledged: nobody that there is may do it. */
  readonly held?: boolean;
};

const setting = (names: readonly string[]) => ({ method: 'any', count: 1, names });

function stateOf(scene: Scene): ClusterState {
  const { host = OWN, committed = [OTHER], ordered = [OTHER], superseded } = scene;
  const member = (name: string, replicationName: string, at: string) => ({
    ...{ name, replicationName, postgres: { host: at, port: 5432 } },
  });
  return {
    settings: { ...DEFAULT_SETTINGS, synchronousMode: scene.mode ?? 'quorum' },
    lease: { kind: 'Held', holder: 'pg1', serving: true },
    operation: { kind: scene.operation ?? 'none' },
    members: { pg1: member('pg1', 'demo/pg1/0001', '10.0.0.1'), pg2: member('pg2', NAME, host) },
    sync: {
      committed: { count: 1, members: committed.map((name) => ({ instance: 'x', name })) },
      ordered: scene.held === true ? NOBODY : setting(ordered),
      superseded: superseded === undefined ? [] : [setting(superseded)],
    },
  } as unknown as ClusterState;
}

function seenOf({ senders, slotPid, inForce = `ANY 1 ("${OTHER}")` }: Scene): ReachableInstance {
  const slot = { name: 'pg2', kind: 'physical', active: true, temporary: false };
  return {
    ...{ kind: 'reachable', role: { kind: 'primary' }, replicas: senders },
    slots: slotPid === undefined ? [] : [{ ...slot, activePid: slotPid }],
    settings: { synchronous_standby_names: { value: inForce } },
  } as unknown as ReachableInstance;
}

class Stage {
  readonly lines: {
    readonly message: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }[] = [];
  readonly asked: (readonly unknown[])[] = [];
  readonly watch: SenderWatch;
  #nowMs = 0;

  constructor(addresses = new MemberAddresses(() => Promise.reject(new Error('not found')))) {
    const query = (_text: string, values: readonly unknown[] = []) => {
      this.asked.push(values);
      return Promise.resolve((values[0] as number[]).map((pid) => ({ pid })));
    };
    const note = (message: string, fields = {}): void => void this.lines.push({ message, fields });
    const own: InstanceName = instanceName('pg1');
    this.watch = new SenderWatch(own, () => ({ query }) as never, { warn: note }, addresses);
  }

  /** Looks every 100 ms for that long; the process ids that were ended meanwhile. */
  async during(ms: number, scene: Scene): Promise<unknown[]> {
    const before = this.asked.length;
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs; this.#nowMs += 100) {
      await this.watch.look(stateOf(scene), seenOf(scene), this.#nowMs);
    }
    return this.asked.slice(before).map(([pids]) => pids);
  }
}

const BOTH = [sender(20, OWN), sender(90, ELSEWHERE)];

describe("a stranger's walsender beside the member's", () => {
  it('is ended, once, with a line that says whose it is; what is kept is named to PostgreSQL', async () => {
    const stage = new Stage();
    expect(await stage.during(1_500, { senders: BOTH })).toEqual([[90]]);
    expect(stage.asked).toEqual([[[90], NAME, 20]]);
    expect(stage.lines).toEqual([
      {
        message: 'walsender under the name of a member ended: it is not the member',
        fields: {
          ...{ member: 'pg2', applicationName: NAME, address: ELSEWHERE, pid: 90 },
          ...{ since: '1970-01-01T00:16:40Z', kept: `${OWN}, pid 20`, againAfterMs: 10_000 },
        },
      },
    ]);
  });

  it.each<{ what: string; scene: Scene; ended: readonly number[] }>([
    {
      what: 'the slot tells where both come from its address',
      scene: { senders: [sender(20, OWN), sender(21, OWN)], slotPid: 21 },
      ended: [20],
    },
    {
      what: 'the address tells where the stranger has the slot',
      scene: { senders: BOTH, slotPid: 90 },
      ended: [90],
    },
    {
      what: 'a name in capitals is the same to PostgreSQL',
      scene: { senders: [sender(20, OWN), sender(90, ELSEWHERE, NAME.toUpperCase())] },
      ended: [90],
    },
    {
      what: 'of three all but the one with the slot go',
      scene: { senders: [...BOTH, sender(21, OWN)], slotPid: 20 },
      ended: [90, 21],
    },
  ])('$what', async ({ scene, ended }) => {
    expect(await new Stage().during(1_200, scene)).toEqual([ended]);
  });

  it.each<{ what: string; scene: Scene }>([
    { what: 'the member is in the committed set', scene: { senders: BOTH, committed: [NAME] } },
    { what: 'the member is in what was ordered', scene: { senders: BOTH, ordered: [NAME, OTHER] } },
    { what: 'an older order may still run', scene: { senders: BOTH, superseded: [NAME] } },
    { what: 'it is in force', scene: { senders: BOTH, inForce: `ANY 1 ("${NAME}")` } },
    { what: 'what is in force is not understood', scene: { senders: BOTH, inForce: 'ANY ((' } },
    { what: 'it is alone', scene: { senders: [sender(90, ELSEWHERE)] } },
    { what: 'none is from its address', scene: { senders: [sender(90, ELSEWHERE), sender(91)] } },
    {
      what: 'both are from its address and none has its slot',
      scene: { senders: [sender(20, OWN), sender(21, OWN)], slotPid: 77 },
    },
    { what: 'a switchover is under way', scene: { senders: BOTH, operation: 'switchover' } },
    { what: 'commits wait for nobody', scene: { senders: BOTH, mode: 'off' } },
  ])('is left where $what', async ({ scene }) => {
    const stage = new Stage();
    expect(await stage.during(5_000, scene)).toEqual([]);
  });

  it('is left for the second that an old walsender takes to go', async () => {
    expect(await new Stage().during(1_000, { senders: BOTH })).toEqual([]);
  });

  it('and that nothing tells which is which is said', async () => {
    const stage = new Stage();
    await stage.during(5_000, { senders: [sender(20, OWN), sender(21, OWN)] });
    expect(stage.watch.problem).toContain(
      `2 walsenders stream under the name of pg2 (${OWN}, pid 20`,
    );
    expect(stage.lines.map(({ message }) => message)).toEqual([
      'walsenders under one name are left',
    ]);
    await stage.during(100, { senders: [sender(20, OWN)] });
    expect(stage.watch.problem).toBeNull();
  });

  it('is ended ever more seldom when it comes again and again, and status says why', async () => {
    const stage = new Stage();
    const at: number[] = [];
    for (let second = 0; second < 180; second += 1) {
      if ((await stage.during(1_000, { senders: BOTH })).length > 0) at.push(second);
    }
    expect(at).toEqual([1, 11, 31, 71, 131]);
    expect(stage.watch.problem).toContain('walsenders stream under the name of pg2');
    const back = stage.lines.filter(({ message }) => message.endsWith('is back'));
    expect(back.length).toBeGreaterThan(0);
    expect(back.length).toBeLessThan(5);
  });
});

describe('a stranger that holds up every commit (strict)', () => {
  const held = { held: true, committed: [], inForce: 'FIRST 1 ("matriarch placeholder 1")' };

  it('is ended each time that it comes, soon', async () => {
    const stage = new Stage();
    const ended = await stage.during(10_000, { senders: BOTH, ...held });
    expect(ended.length).toBeGreaterThan(5);
  });

  it.each<{ what: string; senders: readonly ReplicaConnection[] }>([
    { what: 'nothing tells which is which', senders: [sender(20, OWN), sender(21, OWN)] },
    { what: 'it is there alone', senders: [sender(90, ELSEWHERE)] },
  ])('is left, and status says what it does, where $what', async ({ senders }) => {
    const stage = new Stage();
    expect(await stage.during(5_000, { senders, ...held })).toEqual([]);
    expect(stage.watch.problem).toContain('no commit is acknowledged');
  });
});

describe('a member that is known by a host name', () => {
  const host = 'pg2.example';

  it('has the addresses of that name: whoever comes from elsewhere is told to the leader', async () => {
    const asked: string[] = [];
    const addresses = new MemberAddresses((name) => {
      asked.push(name);
      return Promise.resolve([OWN, 'fe80::2']);
    });
    const stage = new Stage(addresses);
    const scene = { host, senders: [sender(90, ELSEWHERE)] };
    expect(stage.watch.foreign(stateOf(scene), seenOf(scene))).toEqual(new Set());
    expect(await stage.during(200, scene)).toEqual([]);
    expect(asked).toEqual([host]);
    expect(stage.watch.foreign(stateOf(scene), seenOf(scene))).toEqual(new Set([90]));
    expect(stage.watch.problem).toContain(`comes from ${ELSEWHERE}, which is not ${host} (${OWN}`);
    expect(await stage.during(1_200, { host, senders: BOTH })).toEqual([[90]]);
  });
});
