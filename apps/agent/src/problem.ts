import type { ClusterState, DataDirectory } from '#libs/cluster';
import type { AgentConfig } from '#libs/config';

export type ProblemSubject = {
  readonly config: Pick<AgentConfig, 'cluster' | 'postgres'>;
  readonly state: ClusterState | null;
  readonly unknownCluster: boolean;
  /** That this version is older than what its controllers record. */
  readonly outdated: string | null;
  readonly whyNoLeader: string;
  readonly directory: DataDirectory | null;
  /** What the parts say, the most telling first. */
  readonly others: readonly (string | null | undefined)[];
};

/** Why an instance is not what it should be, in one line with the way out; null when all is well. */
export function problemOf(subject: ProblemSubject): string | null {
  const { config, state, unknownCluster, directory, others } = subject;
  const { cluster } = config;
  if (unknownCluster) {
    return (
      `the controllers know no cluster '${cluster}': ` +
      `create it with \`matriarch cluster create ${cluster} --file cluster.yaml\``
    );
  }
  if (subject.outdated !== null) return subject.outdated;
  if (state === null) return subject.whyNoLeader;
  if (directory?.kind === 'unusable') return directory.why;
  return foreignDirectory(subject) ?? others.find((problem) => problem != null) ?? null;
}

/** Such an instance never joins, so its goal would be to wait for ever, without a word. */
function foreignDirectory({ config, state, directory }: ProblemSubject): string | null {
  const expected = state?.systemIdentifier ?? null;
  if (directory?.kind !== 'initialised' || expected === null) return null;
  if (directory.systemIdentifier === expected) return null;
  return (
    `${config.postgres.dataDirectory} belongs to another PostgreSQL cluster (system identifier ` +
    `${directory.systemIdentifier}, expected ${expected}): move it away or name another directory`
  );
}
