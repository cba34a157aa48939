import * as z from 'zod';
import { API_PATHS, type OrderAnswer, orderAnswer } from '#libs/api';
import { UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { followUntil, unwatchedOutcome } from './follow-outcome.ts';
import { whichCluster } from './which-cluster.ts';

export type RestartOptions = {
  readonly rolling?: true;
  readonly pending?: true;
  readonly instance?: readonly string[];
  readonly role?: 'primary' | 'standby';
  /** ISO 8601 with a time zone, or `+90s`, `+10m`, `+2h` from now. */
  readonly at?: string;
  readonly cancel?: true;
  /** In seconds. */
  readonly wait?: number;
};

/** Three instances with long checkpoints; the restart goes on without the verb. */
const DEFAULT_WAIT_MS = 600_000;
const endedEvent = z.looseObject({
  outcome: z.enum(['completed', 'cancelled', 'failed']),
  reason: z.string(),
});

/** Orders a restart of PostgreSQL and follows it to its end, or cancels one. */
export async function restart(
  context: Context,
  named: string | undefined,
  options: RestartOptions,
): Promise<Outcome> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  if (options.cancel === true) {
    const answer = await client.order(API_PATHS.cancelRestart(cluster), {}, orderAnswer);
    return outcomeOf(cluster, answer);
  }
  const { rolling = false, pending = false, instance, role, at } = options;
  const body = {
    rolling,
    onlyPending: pending,
    ...(instance === undefined ? {} : { instances: [...instance] }),
    ...(role === undefined ? {} : { role }),
    ...(at === undefined ? {} : { at: timeOf(at, Date.now()) }),
  };
  const answer = await client.order(API_PATHS.restart(cluster), body, orderAnswer);
  if (at !== undefined) return outcomeOf(cluster, answer);
  const timeoutMs = options.wait === undefined ? DEFAULT_WAIT_MS : options.wait * 1_000;
  const { terminal } = context;
  const operation = { cluster, after: answer.sequence, timeoutMs, terminal };
  const followed = await followUntil(client, operation, ({ event }) =>
    event.type === 'RestartEnded' ? endedEvent.parse(event) : null,
  );
  if (followed.kind === 'ended') return endOf(cluster, followed.end);
  return unwatchedOutcome(followed, operation, `restart of ${cluster}`, WAY_ON);
}

type End = z.output<typeof endedEvent>;

const WAY_ON =
  'follow it with `matriarch events --follow`, or take it back with `matriarch restart --cancel`';

function endOf(cluster: string, { outcome, reason }: End): Outcome {
  const ok = outcome === 'completed';
  const wayOn = '. What was restarted stays so: mend what is named and give the order again';
  const text = outcome === 'failed' ? `given up: ${reason}${wayOn}` : `${outcome}: ${reason}`;
  const exitCode = ok ? EXIT.held : EXIT.notHeld;
  return {
    exitCode,
    text: `restart of ${cluster}: ${text}`,
    prose: true,
    result: { cluster, ok, outcome, reason },
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

/** @throws UsageError */
export function timeOf(text: string, nowMs: number): number {
  const after = /^\+(\d{1,6})([smh])$/.exec(text);
  if (after !== null) return nowMs + Number(after[1]) * (UNIT_MS[after[2] ?? ''] ?? 0);
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text);
  const atMs = zoned ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(atMs)) {
    throw new UsageError(
      `'${text}' is no time: give 2026-12-01T03:00:00+01:00 with its zone, or +10m`,
    );
  }
  return atMs;
}

function outcomeOf(cluster: string, { satisfied, events }: OrderAnswer): Outcome {
  const said = events.map(({ text }) => text).join('\n');
  const text =
    satisfied === null
      ? `${said}\nfollow it: \`matriarch events --follow\``
      : `nothing to do: ${satisfied}`;
  return { exitCode: EXIT.held, text, result: { cluster, ok: true, satisfied } };
}
