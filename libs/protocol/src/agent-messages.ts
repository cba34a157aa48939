/**
 * Between an agent and the controllers (channel 'agent'): requests with answers, and events pushed to
 * subscribers. Served on the controller by a custom Nest strategy, whose patterns these are. Bodies are
 * msgpack of the types of `#libs/cluster`; bigint stays bigint.
 */
import type { AgentReport, ClusterState, RecordedEvent } from '#libs/cluster';

/** Pattern names, with what is asked and what is answered. Any controller serves `hello` and `subscribe`;
 * only the leader serves the others, else the error `NOT_LEADER` names who does. */
export type AgentPatterns = {
  /** Latest view of the instance. The answer proves leadership by a round begun after it arrived. */
  readonly report: { readonly ask: AgentReport; readonly answer: Confirmation };
  /** "Is what I know current?" Asked before a step when the last confirmation does not cover it. */
  readonly confirm: { readonly ask: Record<string, never>; readonly answer: Confirmation };
  /** Events after `sequence`, or the whole state first when they are no longer kept. */
  readonly subscribe: { readonly ask: { readonly sequence: number }; readonly answer: StreamStart };
  /** Asked once more immediately before a step that destroys (safety 4). */
  readonly permitDestruction: {
    readonly ask: {
      readonly step: 'rewind' | 'rebuild' | 'remove' | 'putBack';
      readonly version: number;
      /** The order to rebuild that this is for. */
      readonly order?: number;
      /** Nothing would be kept aside: another standby must hold all data then (safety 25). */
      readonly inPlace?: boolean;
    };
    readonly answer: {
      readonly permitted: boolean;
      readonly why: string;
      /** Refused only because nothing would be kept aside. */
      readonly inPlace?: boolean;
    };
  };
  /**
   * What this instance's PostgreSQL takes for each setting, once per start of it and per leader: new
   * values are judged by it before anything is stored.
   */
  readonly parameters: {
    readonly ask: { readonly entries: readonly ParameterEntry[] };
    readonly answer: Record<string, never>;
  };
  /** The passwords of the cluster's users; never logged, never in the history. */
  readonly credentials: {
    readonly ask: Record<string, never>;
    readonly answer: ClusterCredentials;
  };
};

export type AgentPattern = keyof AgentPatterns;

/** A row of `pg_settings`, as far as values are judged by it. */
export type ParameterEntry = {
  readonly name: string;
  readonly type: 'bool' | 'integer' | 'real' | 'string' | 'enum';
  readonly unit: string | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly choices: readonly string[] | null;
  readonly context: string;
};

/** The stream as the leader had it when leadership was confirmed, and who the controllers are. */
export type Confirmation = {
  /** Null while the cluster is not known to the controllers. */
  readonly version: number | null;
  readonly sequence: number;
  /** Changes when controllers were restored or forced; agents then act on nothing until confirmed. */
  readonly controllersIncarnation: string;
  /** The leader misses renewals of the present primary: standbys are to call it themselves (safety 19). */
  readonly primarySuspected?: boolean;
  /** While nothing changes, reports may come this much later than usual; absent: an older leader, they may not. */
  readonly calmMs?: number;
  /** What the controllers have switched on: an agent that speaks less acts on nothing that came with it. */
  readonly protocol?: number;
};

export type StreamStart =
  | { readonly kind: 'unknownCluster' }
  | { readonly kind: 'events'; readonly from: number }
  | { readonly kind: 'state'; readonly state: ClusterState; readonly protocol?: number };

export type Credential = { readonly username: string; readonly password: string | null };
export type ClusterCredentials = {
  readonly superuser: Credential;
  readonly replication: Credential;
  readonly rewind: Credential;
};

/** Controller to agent, without being asked. */
export type AgentPush =
  | { readonly type: 'events'; readonly events: readonly RecordedEvent[] }
  | { readonly type: 'leader'; readonly name: string | null; readonly term: number }
  /** The cluster appeared, or events were dropped for a slow reader: subscribe again. */
  | { readonly type: 'resubscribe' };

/** Frames of the channel: `[id, pattern, body]`, `[id, error or null, body]`, and a push. */
export type AgentRequestFrame = readonly [id: number, pattern: AgentPattern, body: unknown];
export type AgentAnswerFrame = readonly [
  id: number,
  error: { readonly code: string; readonly message: string } | null,
  body: unknown,
];
