import { LinkRefusedError } from '#libs/transport';
import type { Log } from '../log.ts';

/**
 * What a controller says of refused links while it has no group yet. Agents and guards that were started
 * with it knock several times a second and are told to come back: not worth a line each.
 */
export function tellRefusedBeforeGroup(log: Log) {
  return ({ remoteAddress, cause }: { readonly remoteAddress: string; readonly cause: Error }) => {
    if (cause instanceof LinkRefusedError && cause.refusal.reason === 'channel') return;
    log.warn('connection refused', { remoteAddress, why: cause.message });
  };
}
