import { type Clock, formatAddress } from '#libs/kernel';
import type { Log } from '../log.ts';
import type { AskedFounder, FoundingVerdict } from './judge-founding.ts';

type Waiting = Extract<FoundingVerdict, { kind: 'wait' }>;

export type WaitingOptions = {
  readonly name: string;
  readonly stateDirectory: string;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicMs'>;
};

const RULE =
  'a group is founded for the first time only when every founder has answered, for one that is away may have ' +
  'the log of the group that was there before';
/** At a real first start founders begin one after another: that is no warning yet. */
const WARN_AFTER_MS = 5_000;
const SAY_AGAIN_AFTER_MS = 30_000;

/** Tells the log why a founder waits: when that changes, and again and again while it lasts. */
export function sayWaiting({ name, stateDirectory, log, clock }: WaitingOptions) {
  const startedMs = clock.monotonicMs();
  let said = '';
  let saidMs = startedMs;
  return (verdict: Waiting, asked: readonly AskedFounder[]): void => {
    const nowMs = clock.monotonicMs();
    const about = `${verdict.why} ${verdict.silent.join()}`;
    const warn = nowMs - startedMs >= WARN_AFTER_MS;
    const level = warn ? 'warn' : 'info';
    if (`${level} ${about}` === said && nowMs - saidMs < SAY_AGAIN_AFTER_MS) return;
    said = `${level} ${about}`;
    saidMs = nowMs;
    const heard = asked.map(heardFrom);
    const why = `controller '${name}' is on an empty directory, ${stateDirectory}: ${verdict.why}`;
    log[level]('this controller waits before it founds a group', {
      ...{ why, heard, rule: RULE, wayOut: wayOutOf(verdict) },
    });
  };
}

function wayOutOf({ silent }: Waiting): string {
  if (silent.length > 0) {
    const names = silent.join(',');
    return (
      `start ${silent.join(' and ')}. Only if what they have is lost for good, or they never ran: start each ` +
      `founder that is empty once with --found-without ${names}`
    );
  }
  return (
    'start the founder whose directory was lost on its directory of before; when that is gone for good, stop all, ' +
    '`matriarch controllers force-new-cluster` on the one that has the log, and add the others anew'
  );
}

function heardFrom(asked: AskedFounder): string {
  const place = `${asked.name} (${formatAddress(asked.address)})`;
  if ('none' in asked) return `${place}: no answer: ${asked.none}`;
  const { seat, lastIndex } = asked.answer;
  return seat === 'empty' ? `${place}: empty` : `${place}: has the log up to ${lastIndex}`;
}
