import { DomainError } from '#libs/kernel';
import { aloneAt, type Member } from '#libs/raft';
import { openOffline, type ReplicaStore } from '#libs/storage';
import type { Context } from '../context.ts';
import { giveAllTo, ownerOf } from '../offline/directory-owner.ts';
import { endpointOf } from '../offline/endpoint.ts';
import { newLife, termAbove } from '../offline/new-life.ts';
import { lookForPeer, type PeerFinding } from '../offline/peers.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { nowMs } from '../system-clock.ts';

export type ForceOptions = {
  readonly directory: string;
  /** Where this member listens from now on; else as before. */
  readonly address?: string;
};

class PeerAnswersError extends DomainError {
  readonly code = 'PEER_ANSWERS';

  constructor(peers: readonly PeerFinding[]) {
    const names = peers.map(({ member, why }) => `${member.name} at ${member.address} (${why})`);
    super(
      `${names.join(', ')} may still be a controller of this group: two groups would give orders. ` +
        'Let the quorum come back, or stop that controller for good',
    );
  }
}

class NotAMemberError extends DomainError {
  readonly code = 'NOT_A_MEMBER';

  constructor(directory: string) {
    super(`${directory} belongs to a controller that is no member any more: force one that is`);
  }
}

/** Makes one survivor the only member of a new incarnation, when the quorum is lost for good. */
export async function forceNewCluster(context: Context, options: ForceOptions): Promise<Outcome> {
  const { directory, address } = options;
  if (address !== undefined) endpointOf(address);
  const { store, recovered } = await openOffline(directory);
  try {
    const { members } = store.membership;
    const own = members.find((member) => member.id === recovered.memberId);
    if (own === undefined) throw new NotAMemberError(directory);
    const others = members.filter((member) => member.id !== own.id);
    await requireSilent(context, others);
    const warnings = warningsOf(store, others);
    for (const warning of warnings) context.terminal.note(`warning: ${warning}`);
    return await force(store, { ...own, address: address ?? own.address }, warnings);
  } finally {
    await store.close();
    // Also after a refusal: opening it has rewritten files.
    await giveAllTo(await ownerOf(directory), directory);
  }
}

async function requireSilent({ terminal }: Context, others: readonly Member[]): Promise<void> {
  terminal.transient(`asking ${others.map((member) => member.name).join(', ')} ...`);
  const findings = await Promise.all(others.map(lookForPeer));
  terminal.transient('');
  const answering = findings.filter((finding) => finding.answers);
  if (answering.length > 0) throw new PeerAnswersError(answering);
  for (const { member, why } of findings) {
    terminal.note(`${member.name} at ${member.address} does not answer: ${why}`);
  }
}

function warningsOf(store: ReplicaStore, others: readonly Member[]): string[] {
  const { lastIndex, applied } = store;
  const warnings = [`what the others acknowledged after log index ${lastIndex} is lost`];
  if (applied.index < lastIndex) {
    const from = applied.index + 1;
    warnings.push(`entries ${from} to ${lastIndex} are kept: some may never have been committed`);
  }
  if (others.length > 0) {
    const names = others.map((member) => member.name).join(', ');
    warnings.push(`never start ${names} with their old directories again: empty them first`);
  }
  return warnings;
}

async function force(
  store: ReplicaStore,
  own: Member,
  warnings: readonly string[],
): Promise<Outcome> {
  const { directory, groupId } = store;
  const index = store.lastIndex + 1;
  const beganMs = nowMs();
  const term = termAbove(store.hardState.term, beganMs);
  const first = aloneAt(own, index, term);
  const memberId = first.membership.voters[0] ?? 0;
  const life = await newLife(store, { fromIndex: index + 1, term, nowMs: beganMs });
  const hardState = { term, vote: 0 };
  await store.reseat({ memberId, hardState, entries: [first, ...life.entries] });
  const clusters = life.clusters.map((state) => state.name);
  const { incarnation } = life;
  const { name, address } = own;
  const text =
    `${directory}: ${name} at ${address} is the only controller, incarnation ${incarnation}\n` +
    (clusters.length === 0
      ? 'start it; it knows no cluster'
      : `start it, then confirm ${clusters.length} cluster(s):\n`) +
    clusters.map((cluster) => `  matriarch resume ${cluster}`).join('\n');
  const result = { ok: true, directory, groupId, incarnation, index, term, clusters };
  return {
    exitCode: EXIT.held,
    text,
    result: { ...result, warnings: [...warnings] },
  };
}
