import { type ClusterState, type DataDirectory, FREE_BYTES_MIN } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';

export type ProblemSubject = {
  readonly config: Pick<AgentConfig, 'cluster' | 'postgres'>;
  readonly state: ClusterState | null;
  readonly unknownCluster: boolean;
  /** That this version is older than what its controllers record. */
  readonly outdated: string | null;
  readonly whyNoLeader: string;
  readonly seen: {
    readonly directory: DataDirectory | null;
    readonly freeBytes: bigint | null;
  } | null;
  /** What the parts say, the most telling first. */
  readonly others: readonly (string | null | undefined)[];
};

/** Why an instance is not what it should be, in one line with the way out; null when all is well. */
export function problemOf(subject: ProblemSubject): string | null {
  const { config, state, unknownCluster, seen, others } = subject;
  const { cluster } = config;
  if (unknownCluster) {
    return (
      `the controllers know no cluster '${cluster}': ` +
      `create it with \`matriarch cluster create ${cluster} --file cluster.yaml\``
    );
  }
  if (subject.outdated !== null) return subject.outdated;
  if (state === null) return subject.whyNoLeader;
  if (seen?.directory?.kind === 'unusable') return seen.directory.why;
  const told = others.find((problem) => problem != null);
  return foreignDirectory(subject) ?? told ?? littleDisk(subject);
}

/** Such an instance never joins, so its goal would be to wait for ever, without a word. */
function foreignDirectory({ config, state, seen }: ProblemSubject): string | null {
  const directory = seen?.directory;
  const expected = state?.systemIdentifier ?? null;
  if (directory?.kind !== 'initialised' || expected === null) return null;
  if (directory.systemIdentifier === expected) return null;
  return (
    `${config.postgres.dataDirectory} belongs to another PostgreSQL cluster (system identifier ` +
    `${directory.systemIdentifier}, expected ${expected}): move it away or name another directory`
  );
}

/** Its clients are refused one by one while it serves, and nobody fails over: the standbys fill next. */
function littleDisk({ config, seen }: ProblemSubject): string | null {
  const free = seen?.freeBytes ?? null;
  if (free === null || free >= FREE_BYTES_MIN) return null;
  return (
    `${free} bytes are free for ${config.postgres.dataDirectory} and its pg_wal (limit ${FREE_BYTES_MIN}): ` +
    'on a full disk writes are refused, and PostgreSQL ends when its WAL has no room: make room'
  );
}
