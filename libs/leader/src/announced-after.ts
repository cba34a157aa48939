/** By then the new leader has told everybody who has a link to it, and most have renewed. */
const WORD_OF_OTHERS_AFTER_MS = 1_000;
/** So many are not served anew in that time, and reading a second word would cost each of them as much as a renewal. */
const CROWD_OF_GUARDS = 1_000;
const WORD_TO_CROWD_AFTER_MS = 4_000;

export type AnnouncedLeader = { readonly name: string | null; readonly term: number };

/**
 * When guards are told who leads; null: not at all. Thousands of them renew in the moment at which a leader begins
 * to serve, so only its own word goes at once. That nobody leads is not said: a guard sends to the one
 * that led until then, and to everybody once that one's link is down or it missed an answer.
 */
export function announcedAfterMs(
  { name }: AnnouncedLeader,
  isSelf: boolean,
  guards: number,
): number | null {
  if (name === null) return null;
  if (isSelf) return 0;
  return guards < CROWD_OF_GUARDS ? WORD_OF_OTHERS_AFTER_MS : WORD_TO_CROWD_AFTER_MS;
}
