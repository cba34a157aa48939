/**
 * A host whose link stalls in one direction before it breaks in the other: what controllers say arrives late and in
 * order, as TCP sends it again, and then they hear nothing more of that host, which clients still reach. It shows what
 * a right is counted from: a holder that counts it from the answer has it for longer than the leader waits.
 */
import { type FaultScene, pickNode } from './cluster-faults.ts';
import { LATE_ANSWERS } from './cluster-swarm.ts';
import { count, say } from './cluster-world.ts';

const EVERY_MS = 8_000;
/** Far beyond the margin of the lease, and less than a link's `peerSilenceMs`: nobody takes it for broken. */
const LATE_MS = { least: 500, most: 2_500 };
/** Several renewals are answered late before there are no more. */
const SLOW_FOR_MS = { least: 500, most: 3_000 };
/** The leader's wait, and a failover after it. */
const UNHEARD_FOR_MS = { least: 3_500, most: 7_000 };

/** Now and then until the safety phase is over, one after another. */
export function planLateAnswers(scene: FaultScene): void {
  const { world, prng, over } = scene;
  const { scheduler, network, controllers } = world;
  if (!world.swarm.lateAnswers) return;
  const drawn = ({ least, most }: { readonly least: number; readonly most: number }): number =>
    least + prng.unit() * (most - least);
  const next = (): void => {
    if (over()) return;
    const { host, name } = pickNode(scene);
    const lateMs = drawn(LATE_MS);
    say(world, `fault ${LATE_ANSWERS} at ${name}`, Math.round(lateMs));
    count(world, 'faults');
    count(world, `fault ${LATE_ANSWERS}`);
    for (const { host: from } of controllers) network.delayOneWay(from, host, lateMs);
    scheduler.after(drawn(SLOW_FOR_MS), () => {
      if (over()) return;
      for (const { host: to } of controllers) network.cutOneWay(host, to);
      scheduler.after(drawn(UNHEARD_FOR_MS), () => {
        if (over()) return;
        network.mend();
        plan();
      });
    });
  };
  const plan = (): void => scheduler.after(prng.unit() * EVERY_MS, next);
  plan();
}
