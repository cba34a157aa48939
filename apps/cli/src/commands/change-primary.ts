import { API_PATHS, orderAnswer, phasesText } from '#libs/api';
import { unreachable } from '#libs/kernel';
import type { ApiClient } from '../api/api-client.ts';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';
import { failoverQuestion } from './failover-question.ts';
import { type Ending, followToEnd, outageMsOf, unwatchedOutcome } from './follow-outcome.ts';
import { whichCluster } from './which-cluster.ts';

/** What is so after an operation that was given up, and the way on. */
const STAYS =
  'The primary of before goes on: mend what is named and give the order again; ' +
  '`matriarch explain` shows who could take over now';

const WATCH_IT =
  'follow it with `matriarch events --follow`, see what it waits for with `matriarch explain`';

/** Until the verb stops waiting; the operation goes on without it. */
const DEFAULT_WAIT_MS = 120_000;

export type ChangeOptions = {
  readonly to?: string;
  readonly acceptLoss?: true;
  readonly copyAside?: true;
  readonly yes?: true;
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
  if (kind === 'failover' && !(await isMeant(context.terminal, client, cluster, options))) {
    const reason = 'not confirmed: nothing was ordered';
    const text = `failover of ${cluster}: ${reason}`;
    return { exitCode: EXIT.notHeld, text, result: { cluster, ok: false, reason } };
  }
  const body = {
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(kind === 'failover' ? { acceptLoss: options.acceptLoss === true } : {}),
    ...(options.copyAside === true ? { copyAside: true } : {}),
  };
  const order = await client.order(API_PATHS[kind](cluster), body, orderAnswer);
  if (order.satisfied !== null) {
    const result = { cluster, ok: true, satisfied: order.satisfied };
    return { exitCode: EXIT.held, text: `nothing to do: ${order.satisfied}`, result };
  }
  const timeoutMs = options.wait === undefined ? DEFAULT_WAIT_MS : options.wait * 1_000;
  const { terminal } = context;
  const operation = { cluster, after: order.sequence, timeoutMs, terminal };
  const followed = await followToEnd(client, operation);
  if (followed.kind === 'ended') return outcomeOf(kind, cluster, followed.end);
  return unwatchedOutcome(followed, operation, `${kind} of ${cluster}`, WATCH_IT);
}

/** Asked where somebody is there. One that no controller knows is refused when it is ordered. */
async function isMeant(
  { ask }: Terminal,
  client: ApiClient,
  cluster: string,
  options: ChangeOptions,
): Promise<boolean> {
  if (options.yes === true || ask === null) return true;
  const { clusters } = await client.status();
  const view = clusters.find(({ name }) => name === cluster);
  return view === undefined || ask(failoverQuestion(view, options));
}

function outcomeOf(kind: string, cluster: string, ending: Ending): Outcome {
  switch (ending.kind) {
    case 'completed': {
      const { primary, phasesMs } = ending;
      const outageMs = outageMsOf(phasesMs);
      const outage = outageMs === null ? '' : `, outage ${phasesText(phasesMs)}`;
      const text = `${primary} is the primary of ${cluster}${outage}`;
      return {
        exitCode: EXIT.held,
        text,
        prose: true,
        result: { cluster, ok: true, primary, outageMs, phasesMs },
      };
    }
    case 'standbyLeader': {
      const { instance: standbyLeader } = ending;
      const text = `${standbyLeader} is the standby leader of ${cluster}`;
      return { exitCode: EXIT.held, text, result: { cluster, ok: true, standbyLeader } };
    }
    case 'givenUp': {
      const reason = `given up: ${ending.reason}. ${STAYS}`;
      const text = `${kind} of ${cluster}: ${reason}`;
      const result = { cluster, ok: false, reason };
      return { exitCode: EXIT.notHeld, text, prose: true, result };
    }
    default:
      return unreachable(ending);
  }
}
