import { order } from './cluster-faults.ts';
import type { ClusterWorld } from './cluster-world.ts';
import { loseForAMoment } from './saga-given-up.ts';
import type { SimNode } from './sim-node.ts';

const RESTART_MS = 20_000;
const STANDBY_AWAY_MS = 12_000;

/** Work that is recorded step by step, so that any controller can go on with it. */
export type Saga =
  | 'bootstrap'
  | 'failover'
  | 'givenUp'
  | 'givenUpTwice'
  | 'hungPrimary'
  | 'switchover'
  | 'syncSet';

export type SagaKill = {
  readonly saga: Saga;
  /** Events from this one on are counted, until `ends` is seen. */
  readonly begins: string;
  readonly ends: string;
  /** The controller that applies the so-many-th of them first is killed by it; 0: nobody is. */
  readonly step: number;
};

/** Kills the leading controller right after one event of a saga. */
export function planSagaKill(world: ClusterWorld, { begins, ends, step }: SagaKill): void {
  let seen = 0;
  let over = false;
  world.oracle.onEvent = (type, by) => {
    if (over || (seen === 0 && type !== begins)) return;
    seen += 1;
    over = type === ends || seen === step;
    if (seen !== step) return;
    world.stats['sagaKills'] = 1;
    // In the middle of the apply the process still stands: it ends with this turn.
    by.process.after(0, () => by.kill());
    world.scheduler.after(RESTART_MS, () => by.start());
  };
}

/** What sets a saga off in a cluster that is well; a bootstrap sets itself off. */
export function beginSaga(world: ClusterWorld, saga: Saga, primary: SimNode | null): void {
  switch (saga) {
    case 'bootstrap':
      return;
    case 'failover':
      primary?.powerOff();
      return;
    case 'hungPrimary':
      primary?.postgres.hangDisk();
      return;
    case 'givenUp':
    case 'givenUpTwice':
      if (primary !== null) loseForAMoment(world, primary, saga === 'givenUpTwice');
      return;
    case 'switchover':
      order(world, { type: 'switchover', to: null });
      return;
    case 'syncSet': {
      // It leaves the set, and comes back to it.
      const standby = world.nodes.find((node) => node !== primary);
      standby?.powerOff();
      world.scheduler.after(STANDBY_AWAY_MS, () => standby?.powerOn());
      return;
    }
    default:
  }
}
