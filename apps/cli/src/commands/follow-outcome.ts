import * as z from 'zod';
import { type RecordedEventJson, totalMs } from '#libs/api';
import type { ApiClient } from '../api/api-client.ts';
import { followEvents } from '../api/follow-events.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { eventLine } from '../render/event-text.ts';
import { ageText } from '../render/time-text.ts';
import { wrap } from '../render/wrap.ts';
import { elapsedClockMs } from '../system-clock.ts';
import type { Terminal } from '../terminal.ts';
import { Watch } from '../watch.ts';
import { waitingFor } from './waiting-for.ts';

/** How an operation ended, read from the events of its cluster. */
export type Ending =
  | {
      readonly kind: 'completed';
      readonly primary: string;
      readonly phasesMs: Record<string, number>;
    }
  /** Of a cluster that follows another: nothing stopped for it. */
  | { readonly kind: 'standbyLeader'; readonly instance: string }
  | { readonly kind: 'givenUp'; readonly reason: string };

/** The watching ended before the operation did, which goes on: after its limit, or by Ctrl-C. */
type Unwatched = { readonly kind: 'timedOut' | 'left' };
export type Followed<End> = { readonly kind: 'ended'; readonly end: End } | Unwatched;

export type FollowedOperation = {
  readonly cluster: string;
  readonly after: number;
  readonly timeoutMs: number;
  readonly terminal: Terminal;
};

const completedEvent = z.looseObject({
  primary: z.string(),
  phasesMs: z.record(z.string(), z.number()),
});
const chosenEvent = z.looseObject({ instance: z.string() });
const reasonedEvent = z.looseObject({ reason: z.string() });

const REDRAW_INTERVAL_MS = 100;
/** Between events: as often as this it is asked what the operation waits for. */
const LOOK_INTERVAL_MS = 1_000;

/** A switchover or a failover. */
export function followToEnd(
  client: ApiClient,
  operation: FollowedOperation,
): Promise<Followed<Ending>> {
  return followUntil(client, operation, endingOf);
}

/** Shows each event, and between them what is waited for, until one of them is an end. */
export async function followUntil<End>(
  client: ApiClient,
  operation: FollowedOperation,
  endOf: (event: RecordedEventJson) => End | null,
): Promise<Followed<End>> {
  const { cluster, terminal, timeoutMs } = operation;
  const startedAt = elapsedClockMs();
  let step = 'the order is recorded';
  const redraw = setInterval(() => {
    terminal.transient(`  ${step} ... ${ageText(elapsedClockMs() - startedAt)}`);
  }, REDRAW_INTERVAL_MS);
  const watch = new Watch(timeoutMs);
  const { signal } = watch;
  const look = setInterval(() => {
    void waitingFor(client, cluster).then((waiting) => {
      if (waiting === null || waiting === step || signal.aborted) return;
      step = waiting;
      const note = `after ${ageText(elapsedClockMs() - startedAt)}: ${waiting}`;
      terminal.note(`  ${wrap(note, terminal.columns - 2, '    ')}`);
    });
  }, LOOK_INTERVAL_MS);
  try {
    const request = { cluster, after: operation.after, signal };
    for await (const event of followEvents(client, request)) {
      terminal.note(eventLine(event, terminal));
      step = event.text;
      const end = endOf(event);
      if (end !== null) return { kind: 'ended', end };
    }
    return { kind: watch.left ? 'left' : 'timedOut' };
  } finally {
    clearInterval(redraw);
    clearInterval(look);
    watch.end();
    terminal.transient('');
  }
}

/** What an order ends with that nobody watches any more; `wayOn` says how to see more of it. */
export function unwatchedOutcome(
  { kind }: Unwatched,
  { cluster, timeoutMs }: Pick<FollowedOperation, 'cluster' | 'timeoutMs'>,
  what: string,
  wayOn: string,
): Outcome {
  const ended =
    kind === 'left' ? 'not watched any more' : `not complete after ${timeoutMs / 1_000} s`;
  const reason = `${ended}; it goes on: ${wayOn}`;
  const exitCode = kind === 'left' ? EXIT.left : EXIT.notHeld;
  const result = { cluster, ok: false, reason };
  return { exitCode, text: `${what}: ${reason}`, prose: true, result };
}

/** What an event says about the operation under way; null when it goes on. */
function endingOf({ event }: RecordedEventJson): Ending | null {
  switch (event.type) {
    case 'SwitchoverCompleted':
    case 'FailoverCompleted': {
      const { primary, phasesMs } = completedEvent.parse(event);
      return { kind: 'completed', primary, phasesMs };
    }
    case 'StandbyLeaderChosen': {
      const { instance } = chosenEvent.parse(event);
      return { kind: 'standbyLeader', instance };
    }
    case 'SwitchoverAbandoned':
    case 'FailoverAborted':
      return { kind: 'givenUp', reason: reasonedEvent.parse(event).reason };
    default:
      return null;
  }
}

/** How long nobody accepted writes, as far as the phases tell; null when none was measured. */
export function outageMsOf(phasesMs: Record<string, number>): number | null {
  return Object.keys(phasesMs).length === 0 ? null : Math.round(totalMs(phasesMs));
}
