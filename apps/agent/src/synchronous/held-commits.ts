import type { SynchronousInForce, SyncSetting } from '#libs/cluster';

/** Where strict is off the leader has dropped who went away before that, and a restarted one is back. */
const HELD_MS = 3_000;

/**
 * Why no commit of this primary is acknowledged; null while enough of those they wait for stream. It serves
 * reads and looks well all the while. Without a figure that runs: each new text is news to the leader and the log.
 */
export function heldCommits(
  setting: SyncSetting | undefined,
  absent: SynchronousInForce['absent'],
  strict: boolean,
): string | null {
  const { names = [], count = 0 } = setting ?? {};
  const longGone = absent.filter(({ name, forMs }) => names.includes(name) && forMs >= HELD_MS);
  const left = names.length - longGone.length;
  if (longGone.length === 0 || left >= count) return null;
  const wait = `commits wait for ${count} of ${names.join(', ')}, and ${left} of these stream${left === 1 ? 's' : ''}`;
  const way = strict ? ', or `matriarch config set --setting synchronousStrict=false`' : '';
  return `${wait}: bring one back${way}`;
}
