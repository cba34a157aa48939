import type { ClusterState } from '#libs/cluster';
import { type InstanceName, instanceName } from '#libs/kernel';
import { type ActedMemory, EMPTY_MEMORY } from '#libs/reconcile';
import type { ClusterWorld } from './cluster-world.ts';
import { SimAgent } from './sim-agent.ts';
import { SimFuse } from './sim-fuse.ts';
import { SimGuard } from './sim-guard.ts';
import type { SimHost } from './sim-host.ts';
import { SimPostgres } from './sim-postgres.ts';

/** What an agent finds beside its data directory when it starts. */
export type AgentFiles = {
  memory: ActedMemory;
  state: ClusterState | null;
  /** The last order to rebuild that was carried out. */
  rebuiltOrder: number | null;
  /** Renewed with each new copy of the data. */
  dataId: number;
  /** Clients may not come in on a restarted primary yet. */
  clientsKeptOut: boolean;
};

/** One database host's instance with its agent, guard and fuse. */
export class SimNode {
  readonly name: InstanceName;
  readonly postgres: SimPostgres;
  readonly fuse: SimFuse;
  readonly guard: SimGuard;
  readonly agent: SimAgent;
  readonly files: AgentFiles = {
    memory: EMPTY_MEMORY,
    state: null,
    rebuiltOrder: null,
    dataId: 1,
    clientsKeptOut: false,
  };

  constructor(
    readonly host: SimHost,
    name: string,
    readonly world: ClusterWorld,
  ) {
    this.name = instanceName(name);
    this.postgres = new SimPostgres(this, world);
    this.fuse = new SimFuse(this);
    this.guard = new SimGuard(this, world);
    this.agent = new SimAgent(this, world);
  }

  /** `application_name` of its receiver: a copy of a member is not the member (safety 14). */
  get replicationName(): string {
    return `demo/${this.name}/${this.files.dataId}`;
  }

  start(): void {
    this.fuse.process.begin();
    this.agent.start();
  }

  /** The host loses power: what was not flushed is gone, nothing runs. */
  powerOff(): void {
    if (!this.host.up) return;
    this.agent.kill();
    this.guard.powerOff();
    this.postgres.powerOff();
    this.fuse.process.end();
    this.host.up = false;
  }

  powerOn(): void {
    if (this.host.up) return;
    this.host.frozen = false;
    this.host.up = true;
    this.start();
  }
}
