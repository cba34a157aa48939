import { parseAddress } from '#libs/config';
import { messageOf, seededPrng } from '#libs/kernel';
import { type LinkSecurity, type LinkSelf, PeerLink } from '#libs/transport';
import { systemClock } from '../system-clock.ts';

const PROVE_LIMIT_MS = 3_000;

/**
 * Connects to `address` as to a member: null when controller `name` of this group answers there and
 * has no seat yet, otherwise what was found instead.
 */
export function proveAddress(
  ours: { readonly security: LinkSecurity; readonly self: LinkSelf },
  name: string,
  address: string,
): Promise<string | null> {
  const place = parseAddress(address);
  if (place === null) return Promise.resolve('it is no host:port');
  return new Promise((resolve) => {
    const settle = (objection: string | null): void => {
      clearTimeout(timer);
      link.stop();
      resolve(objection);
    };
    const timer = setTimeout(
      () => settle(`nothing answered within ${PROVE_LIMIT_MS} ms`),
      PROVE_LIMIT_MS,
    );
    const link = new PeerLink({
      ...place,
      ...{ security: ours.security, self: ours.self, channel: 'raft-control', expectedName: name },
      time: { clock: systemClock, prng: seededPrng(1) },
      onFrame: () => undefined,
      onUp: ({ memberId }) =>
        settle(memberId === 0 ? null : `member ${memberId} of the group runs there already`),
      onDown: (cause) => settle(messageOf(cause)),
    });
    link.start();
  });
}
