import type { Clock } from '#libs/kernel';
import type { RaftHost } from './raft-host/raft-host.ts';

/** A successor needs an election round trip and a write; past this the group elects one by itself. */
const TRANSFER_LIMIT_MS = 1_000;
const LOOK_EVERY_MS = 10;

/** Hands leadership to the member that is furthest, and waits until it has gone over. */
export async function stepAside(host: RaftHost, clock: Clock): Promise<void> {
  const status = host.status();
  if (status.role !== 'leader') return;
  const { voters } = status.membership;
  const [successor] = status.peers
    .filter((peer) => voters.includes(peer.id) && peer.recentlyActive && peer.state === 'replicate')
    .toSorted((a, b) => b.matchIndex - a.matchIndex);
  if (successor === undefined || !host.transferLeadership(successor.id)) return;
  const endMs = clock.monotonicMs() + TRANSFER_LIMIT_MS;
  while (host.role.role === 'leader' && clock.monotonicMs() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
