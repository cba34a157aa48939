import type { Endpoint } from '#libs/cluster';
import { formatAddress } from '#libs/kernel';
import type { SeatAnswer } from '#libs/protocol';

/** What another founder said when it was asked for this controller's seat, or why it said nothing. */
export type AskedFounder = {
  readonly name: string;
  readonly address: Endpoint;
} & ({ readonly answer: SeatAnswer } | { readonly none: string });

export type FoundingVerdict =
  | { readonly kind: 'found'; readonly why: string }
  /** The group is there, and this directory is not the one that had its seat. */
  | {
      readonly kind: 'refused';
      readonly known: readonly string[];
      /** False when whoever knows the group says that this controller is no member of it. */
      readonly isMember: boolean;
    }
  | { readonly kind: 'wait'; readonly why: string; readonly silent: readonly string[] };

/**
 * Whether a founder on an empty directory may found the group, from one question to every other founder.
 *
 * All founders empty: nothing can be lost. A majority of them with the log and this seat free in it: whatever
 * was committed is in one of those logs, so this one never took part. Anything between means that somebody
 * who may have the log is away, or that directories were lost, and both look like a first start from here.
 *
 * @param without founders for whose silence the operator answers
 */
export function judgeFounding(
  asked: readonly AskedFounder[],
  without: readonly string[],
): FoundingVerdict {
  const known = asked.flatMap(objectionOf);
  if (known.length > 0) {
    const isMember = asked.some((one) => 'answer' in one && one.answer.seat === 'taken');
    return { kind: 'refused', known, isMember };
  }
  const withLog = asked.filter((one) => 'answer' in one && one.answer.lastIndex > 0);
  const majority = Math.floor((asked.length + 1) / 2) + 1;
  if (withLog.length >= majority) {
    return {
      kind: 'found',
      why: 'a majority of the founders has the log, and this seat is free in it',
    };
  }
  const silent = asked.filter((one) => 'none' in one && !without.includes(one.name));
  if (silent.length > 0) {
    return { kind: 'wait', why: 'not every founder has answered', silent: silent.map(nameOf) };
  }
  if (withLog.length === 0) return { kind: 'found', why: 'no founder that answers has a log' };
  const has = withLog.map((one) => `${placeOf(one)} has a log`).join(', ');
  const why = `${has}, which a majority must have had: a founder that starts empty has lost its own`;
  return { kind: 'wait', why, silent: [] };
}

function objectionOf(asked: AskedFounder): string[] {
  if (!('answer' in asked)) return [];
  const { seat, lastIndex } = asked.answer;
  if (seat === 'free' || seat === 'empty') return [];
  const why =
    seat === 'taken'
      ? 'with another directory of this controller in it'
      : 'and this controller is no member of it (any more)';
  return [`${placeOf(asked)} has its log up to ${lastIndex}, ${why}`];
}

function nameOf({ name }: AskedFounder): string {
  return name;
}

function placeOf({ name, address }: AskedFounder): string {
  return `${name} (${formatAddress(address)})`;
}
