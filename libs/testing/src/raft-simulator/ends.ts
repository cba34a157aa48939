import type { Prng } from '#libs/kernel';
import type { MemberId } from '#libs/raft';
import type { Network } from './network.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimMember } from './sim-member.ts';
import type { Swarm } from './swarm.ts';

type Scene = {
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly network: Network;
  readonly swarm: Swarm;
  readonly members: () => readonly SimMember[];
};

/**
 * What kernels tell: the connections of a process that ended are closed, where packets pass. In some worlds;
 * in the others a member dies as a host does that loses its power.
 */
export class Ends {
  constructor(private readonly scene: Scene) {}

  of(id: MemberId): void {
    if (!this.scene.swarm.tellsEnds) return;
    for (const member of this.scene.members()) this.#close(member, id);
  }

  /** Something between closes all that it has open: both ends live on and take each other for gone. */
  reset(id: MemberId): void {
    for (const member of this.scene.members()) {
      this.#close(member, id);
      const other = this.scene.members().find((each) => each.id === id);
      if (other !== undefined) this.#close(other, member.id);
    }
  }

  #close(at: SimMember, id: MemberId): void {
    const { scheduler, network, swarm, prng } = this.scene;
    if (at.id === id || network.isCut(at.id, id)) return;
    scheduler.after(swarm.delayMs * (0.5 + prng.unit()), () =>
      at.operate((machine) => {
        at.watch.gone(id);
        machine.onGone(id);
      }),
    );
  }
}
