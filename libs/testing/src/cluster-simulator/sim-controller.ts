import type { HardState, LogEntry, MemberId, Membership } from '#libs/raft';
import { AppliedOnDisk } from './applied-on-disk.ts';
import { type ClusterWorld, say } from './cluster-world.ts';
import { ControllerLife } from './controller-life.ts';
import { type SimHost, SimProcess } from './sim-host.ts';

/** One controller over all its lives, with what is on its disk. */
export class SimController {
  readonly process: SimProcess;
  readonly name: string;
  readonly disk: { hardState: HardState; readonly entries: LogEntry[] } = {
    hardState: { term: 0, vote: 0 },
    entries: [],
  };
  readonly applied = new AppliedOnDisk();
  life: ControllerLife | null = null;
  #lives = 0;

  constructor(
    readonly id: MemberId,
    readonly host: SimHost,
    readonly membership: Membership,
    readonly world: ClusterWorld,
  ) {
    this.name = `c${id}`;
    this.process = new SimProcess(host, this.name, false);
  }

  start(): void {
    if (this.process.alive || !this.host.up) return;
    this.process.begin();
    this.#lives += 1;
    this.life = new ControllerLife(this, this.#lives);
  }

  kill(): void {
    if (!this.process.alive) return;
    this.#end();
    for (const other of this.world.controllers) {
      if (other !== this) other.deliverFrom(this.host, (life) => this.#wasConnectedWith(life));
    }
  }

  /** Its kernel closed our connections, after what we sent. */
  #wasConnectedWith(life: ControllerLife): void {
    life.turn();
    life.raft.onGone(this.id);
    life.schedule();
  }

  /** With its host: nobody is left that could tell the others. */
  powerOff(): void {
    if (this.process.alive) this.#end();
  }

  #end(): void {
    say(this.world, `${this.name} killed`);
    this.process.end();
    this.life = null;
  }

  /** A message for the life that the connection was opened to. */
  deliverFrom(from: SimHost, take: (life: ControllerLife) => void): void {
    const { life } = this;
    if (life === null) return;
    this.world.network.send(from, this.host, () => {
      this.process.deliver(() => {
        if (this.life === life) take(life);
      });
    });
  }
}
