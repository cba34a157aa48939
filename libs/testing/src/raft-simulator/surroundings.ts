import type { DigestReport } from '#libs/event-store';
import type { MemberId, Term } from '#libs/raft';
import type { Condition } from './condition.ts';
import type { Network } from './network.ts';
import type { Oracle, Witness } from './oracle.ts';
import type { Scheduler } from './scheduler.ts';
import type { SessionOracle } from './session-oracle.ts';
import type { Swarm } from './swarm.ts';
import type { Trace } from './trace.ts';

/** What a member may look up of another, for the oracle. */
type Seat = Witness & {
  readonly isLeader: boolean;
  readonly term: Term;
  readonly emptied: boolean;
  readonly running: boolean;
  readonly condition: Condition;
  readonly integrity: { reported(report: DigestReport): void } | null;
  operate(run: () => void): void;
};

/** What members share: the world around them. */
export type Surroundings = {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly oracle: Oracle;
  /** Null: the state machine is a digest and nothing else. */
  readonly sessions: SessionOracle | null;
  readonly trace: Trace;
  readonly swarm: Swarm;
  readonly memberOf: (id: MemberId) => Seat | undefined;
  /** Its process is gone, as the kernel of its host tells those that it was connected with. */
  readonly ended: (id: MemberId) => void;
  readonly stats: Record<string, number>;
};
