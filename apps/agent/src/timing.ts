/** Limits of the agent, in milliseconds. What depends on the cluster is in its settings. */
export const HURRY_INTERVAL_MS = 20;
/** While another is to end first: its last bytes come well before it is proved down, and a look costs the hosts of a switchover time. */
export const SOON_INTERVAL_MS = 50;
export const RECOVERY_LOOK_MS = 500;
/** One look at PostgreSQL, connecting included. */
export const OBSERVE_DEADLINE_MS = 1_000;

/** An answer of the leader includes a confirmation round. */
export const LEADER_ANSWER_MS = 1_500;
/** An older confirmation is asked for again before anything is done (safety 4). */
export const CONFIRMATION_AGE_MAX_MS = 15_000;
export const SUBSCRIBE_ANSWER_MS = 2_000;
/** How often it is seen to that events are read from somebody; a new leader is read from at once. */
export const LEADERLESS_MS = 1_000;

/** How often a primary is asked to flush a record and to answer a new connection. */
export const WRITE_PROBE_INTERVAL_MS = 5_000;
/** One that takes longer to answer is reported as a stall, and called again at once. */
export const WRITE_PROBE_ANSWER_MS = 2_000;
/** A turn counts for this long at most, which a look that gets no answer stays within. */
export const WRITE_PROBE_TURN_MS = 2_000;
/** A statement that waits for the disk is left to wait: another one would wait beside it. */
export const WRITE_PROBE_PATIENCE_MS = 3_600_000;

export const GUARD_SILENCE_MS = 800;
/** A guard that holds a lease says so with each renewal; it is pinged when nothing came for this long. */
export const GUARD_HEARD_MS = 500;
/** One without a lease says nothing by itself. */
export const GUARD_PING_INTERVAL_MS = 1_000;
export const GUARD_PING_ANSWER_MS = 20_000;
/** While a ping is not answered. */
export const GUARD_SILENCE_TURN_MS = 200;
export const GUARD_CONNECT_RETRY_MS = 10;
/** From spawn to the first state. */
export const GUARD_START_MS = 5_000;
/** After one that ended at its start; doubled each time, up to the time of a start. */
export const GUARD_RELAUNCH_FIRST_MS = 200;
/** How long the processes of an instance whose guard died may take to go (state D: a hung disk). */
export const KILL_LIMIT_MS = 10_000;

export const ACQUIRE_MS = 3_000;
export const START_MS = 10_000;
export const RELEASE_MS = 2_000;
/** An agent that ends waits this long for somebody to take over. */
export const HAND_OVER_LIMIT_MS = 30_000;
export const FAST_STOP_MS = 30_000;
/** SIGQUIT to the last process gone; the guard kills long before. */
export const IMMEDIATE_STOP_MS = 10_000;
export const DETACH_LIMIT_MS = 2_000;
export const WAL_END_MS = 30_000;
/** A preferred candidate gets this long to fetch what it lacks; the leader gives it no more. */
export const FAST_FORWARD_LIMIT_MS = 1_200;
/** Statements of a cluster's file, before its first start. */
export const BOOTSTRAP_SQL_MS = 3_600_000;
/** The checkpoint before a hand-over and after a promotion; the primary serves meanwhile. */
export const CHECKPOINT_MS = 600_000;
export const REWIND_LIMIT_MS = 3_600_000;
export const REMOTE_CONNECT_MS = 2_000;
export const STATEMENT_MS = 5_000;

/** A step that failed is tried again after this, doubled up to the second. */
export const RETRY_FIRST_MS = 200;
export const RETRY_LONGEST_MS = 5_000;
/** What only waits for somebody else is tried again soon. */
export const RETRY_PASSING_FIRST_MS = 50;
export const RETRY_PASSING_MS = 400;
/** How often slots are compared with those of the primary. */
export const SLOTS_INTERVAL_MS = 2_000;
/** While no WAL is written. */
export const SLOTS_UNMOVED_INTERVAL_MS = 5_000;
/** A standby without a receiver for this long has the end of its WAL read from disk. */
export const READ_WAL_END_AFTER_MS = 2_000;
