import { parseAddress } from '#libs/config';
import { messageOf, seededPrng } from '#libs/kernel';
import { type LinkSecurity, type LinkSelf, PeerLink } from '#libs/transport';
import { systemClock } from '../system-clock.ts';

const PROVE_LIMIT_MS = 3_000;

export type AddressProof =
  /** Controller `name` of this group answers there, has no seat yet, and speaks up to this level with us. */
  | { readonly protocol: number }
  /** What was found instead. */
  | { readonly objection: string };

/** Connects to `address` as to a member. */
export function proveAddress(
  ours: { readonly security: LinkSecurity; readonly self: LinkSelf },
  name: string,
  address: string,
): Promise<AddressProof> {
  const place = parseAddress(address);
  if (place === null) return Promise.resolve({ objection: 'it is no host:port' });
  return new Promise((resolve) => {
    const settle = (proof: AddressProof): void => {
      clearTimeout(timer);
      link.stop();
      resolve(proof);
    };
    const timer = setTimeout(
      () => settle({ objection: `nothing answered within ${PROVE_LIMIT_MS} ms` }),
      PROVE_LIMIT_MS,
    );
    const link = new PeerLink({
      ...place,
      ...{ security: ours.security, self: ours.self, channel: 'raft-control', expectedName: name },
      time: { clock: systemClock, prng: seededPrng(1) },
      onFrame: () => undefined,
      onUp: ({ memberId, protocol }) => {
        const objection = `member ${memberId} of the group runs there already`;
        settle(memberId === 0 ? { protocol } : { objection });
      },
      onDown: (cause) => settle({ objection: messageOf(cause) }),
    });
    link.start();
  });
}
