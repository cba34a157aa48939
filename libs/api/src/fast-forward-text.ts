import type { FastForwardEvent } from '#libs/cluster';
import { bytesText, formatLsn, unreachable } from '#libs/kernel';

/** What happened to a candidate that is preferred and behind. */
export function fastForwardText(event: FastForwardEvent): string {
  switch (event.type) {
    case 'FastForwardStarted': {
      const { instance, from, upTo, missingBytes } = event;
      const missing = bytesText(missingBytes);
      return `${instance} is preferred and lacks ${missing}: it fetches them from ${from}, up to ${formatLsn(upTo.lsn)} of timeline ${upTo.timeline}`;
    }
    case 'FastForwardGivenUp':
      return `${event.instance} is not waited for, the most advanced is chosen: ${event.reason}`;
    default:
      return unreachable(event);
  }
}
