import { incarnationOn, isOtherDirectory } from '#libs/protocol';
import type { MemberId } from '#libs/raft';
import type { Packet } from './network.ts';
import type { Surroundings } from './surroundings.ts';

/** Of a member on the directory that took its seat; of one on another disk in its place. */
export function firstIncarnation(id: MemberId, replaced = false): string {
  return incarnationOn(replaced ? `${id}-replaced` : `${id}-first`, 'start');
}

/**
 * As the links of the controllers decide it, by the seats that all of them know. What a member without
 * its memory promises counts from the moment at which somebody listens.
 */
export function heard(
  { message, incarnation }: Packet,
  { oracle, memberOf }: Pick<Surroundings, 'oracle' | 'memberOf'>,
): boolean {
  const owner = firstIncarnation(message.from);
  if (isOtherDirectory(owner, incarnation)) return false;
  const sender = memberOf(message.from);
  if (incarnation !== owner && sender !== undefined) oracle.promised(message, sender, null);
  return true;
}
