import type { FastForwardEvent } from '#libs/cluster';
import { bytesText, unreachable } from '#libs/kernel';
import { walText } from './measure-text.ts';

/** What happened to a candidate that is preferred and behind. */
export function fastForwardText(event: FastForwardEvent): string {
  switch (event.type) {
    case 'FastForwardStarted': {
      const { instance, from, upTo, missingBytes } = event;
      const missing = bytesText(missingBytes);
      return `${instance} is preferred and lacks ${missing}: it fetches them from ${from}, up to ${walText(upTo)}`;
    }
    case 'FastForwardGivenUp':
      return `${event.instance} is not waited for, the most advanced is chosen: ${event.reason}`;
    default:
      return unreachable(event);
  }
}
