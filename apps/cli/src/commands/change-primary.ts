import { API_PATHS, type Json, orderAnswer, phasesText } from '#libs/api';
import { unreachable } from '#libs/kernel';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { type Ending, followToEnd, outageMsOf } from './follow-outcome.ts';
import { whichCluster } from './which-cluster.ts';

/** What is so after an operation that was given up, and the way on. */
const STAYS =
  'The primary of before goes on: mend what is named and give the order again; ' +
  '`matriarch explain` shows who could take over now';

/** Until the verb stops waiting; the operation goes on without it. */
const DEFAULT_WAIT_MS = 120_000;

export type ChangeOptions = {
  readonly to?: string;
  readonly acceptLoss?: true;
  /** In seconds. */
  readonly wait?: number;
};

/** Orders a switchover or a failover and follows it to its end. */
export async function changePrimary(
  context: Context,
  kind: 'switchover' | 'failover',
  named: string | undefined,
  options: ChangeOptions,
): Promise<Outcome> {
  const client = await context.client();
  const cluster = await whichCluster(client, named);
  const body = {
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(kind === 'failover' ? { acceptLoss: options.acceptLoss === true } : {}),
  };
  const order = await client.order(API_PATHS[kind](cluster), body, orderAnswer);
  if (order.satisfied !== null) {
    const result = { cluster, ok: true, satisfied: order.satisfied };
    return { exitCode: EXIT.held, text: `nothing to do: ${order.satisfied}`, result };
  }
  const timeoutMs = options.wait === undefined ? DEFAULT_WAIT_MS : options.wait * 1_000;
  const { terminal } = context;
  const ending = await followToEnd(client, { cluster, after: order.sequence, timeoutMs, terminal });
  return outcomeOf(kind, cluster, ending, timeoutMs);
}

function outcomeOf(kind: string, cluster: string, ending: Ending, timeoutMs: number): Outcome {
  const failed = (reason: string): Outcome => {
    const result: Json = { cluster, ok: false, reason };
    return { exitCode: EXIT.notHeld, text: `${kind} of ${cluster}: ${reason}`, result };
  };
  switch (ending.kind) {
    case 'completed': {
      const { primary, phasesMs } = ending;
      const outageMs = outageMsOf(phasesMs);
      const outage = outageMs === null ? '' : `, outage ${phasesText(phasesMs)}`;
      const text = `${primary} is the primary of ${cluster}${outage}`;
      return {
        exitCode: EXIT.held,
        text,
        result: { cluster, ok: true, primary, outageMs, phasesMs },
      };
    }
    case 'standbyLeader': {
      const { instance: standbyLeader } = ending;
      const text = `${standbyLeader} is the standby leader of ${cluster}`;
      return { exitCode: EXIT.held, text, result: { cluster, ok: true, standbyLeader } };
    }
    case 'givenUp':
      return failed(`given up: ${ending.reason}. ${STAYS}`);
    case 'timedOut':
      return failed(
        `not complete after ${timeoutMs / 1_000} s; it goes on: follow it with \`matriarch events --follow\`, ` +
          'see what it waits for with `matriarch explain`',
      );
    default:
      return unreachable(ending);
  }
}
