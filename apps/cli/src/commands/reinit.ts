import {
  API_PATHS,
  clusterView,
  type InstanceView,
  orderAnswer,
  type PreflightAnswer,
  preflightAnswer,
} from '#libs/api';
import { messageOf } from '#libs/kernel';
import type { ApiClient } from '../api/api-client.ts';
import { callHttp } from '../api/http-request.ts';
import { AgentUnreachableError, ForeignAnswerError, UsageError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { preflightTable } from '../render/rebuild-text.ts';
import { followRebuild, type RebuildEnding } from './follow-rebuild.ts';
import { whichCluster } from './which-cluster.ts';

export type ReinitOptions = {
  readonly method?: string;
  readonly from?: string;
  readonly follow?: true;
  readonly dryRun?: true;
  readonly cancel?: true;
  readonly force?: true;
};

const PREFLIGHT_TIMEOUT_MS = 60_000;

/** Builds the data of one instance anew, says what that would do, or breaks it off. */
export async function reinit(
  context: Context,
  named: string | undefined,
  options: ReinitOptions,
): Promise<Outcome> {
  const client = await context.client();
  const { cluster, instance } = await whichInstance(client, named);
  if (options.dryRun === true) return dryRun(context, client, { cluster, instance }, options);
  if (options.cancel === true) return cancel(client, cluster, instance);
  const hopeless =
    options.force === true
      ? null
      : await whyHopeless(context, client, options, { cluster, instance });
  if (hopeless !== null) return hopeless;
  const body = {
    ...(options.method === undefined ? {} : { method: options.method }),
    ...(options.from === undefined ? {} : { from: options.from }),
    force: options.force === true,
  };
  const order = await client.order(API_PATHS.rebuild(cluster, instance), body, orderAnswer);
  if (options.follow !== true) {
    const text = `${instance} is being built anew: see \`matriarch status\` and \`matriarch events -f\``;
    return { exitCode: EXIT.held, text, result: { cluster, instance, ok: true, followed: false } };
  }
  const { terminal } = context;
  const after = order.sequence;
  const ending = await followRebuild(client, { cluster, instance, after, terminal });
  return outcomeOf(cluster, instance, ending);
}

function outcomeOf(cluster: string, instance: string, ending: RebuildEnding): Outcome {
  if (ending.kind === 'completed') {
    const { method, tookMs } = ending;
    const text = `${instance} is built anew by ${method} and streams, ${(tookMs / 1_000).toFixed(1)} s`;
    const result = { cluster, instance, ok: true, method, tookMs };
    return { exitCode: EXIT.held, text, result };
  }
  const goesOn =
    'it is not watched any more and goes on: ' +
    `\`matriarch reinit ${cluster}/${instance} --cancel\` breaks it off`;
  const reason = ending.kind === 'left' ? goesOn : ending.reason;
  const result = { cluster, instance, ok: false, reason };
  const exitCode = ending.kind === 'left' ? EXIT.left : EXIT.notHeld;
  return { exitCode, text: `${instance}: ${reason}`, prose: true, result };
}

async function cancel(client: ApiClient, cluster: string, instance: string): Promise<Outcome> {
  const path = API_PATHS.cancelRebuild(cluster, instance);
  const { satisfied } = await client.order(path, {}, orderAnswer);
  const text = satisfied ?? `the rebuild of ${instance} is cancelled`;
  const result = { cluster, instance, ok: true, cancelled: satisfied === null };
  return { exitCode: EXIT.held, text, result };
}

/** What was running is not stopped for a rebuild that could not begin: the agent is asked first. */
async function whyHopeless(
  { terminal }: Context,
  client: ApiClient,
  { method: wanted }: ReinitOptions,
  { cluster, instance }: { readonly cluster: string; readonly instance: string },
): Promise<Outcome | null> {
  const view = await viewOf(client, cluster, instance);
  const answer = await preflightOf(view).catch((error: unknown) => {
    terminal.note(`what each method would do is not known: ${messageOf(error)}`);
    return null;
  });
  if (answer === null) return null;
  const tried = answer.methods.filter(({ method, listed }) =>
    wanted === undefined ? listed : method === wanted,
  );
  if (tried.length === 0 || tried.some(({ ok }) => ok)) return null;
  const reasons = tried.map(({ method, detail }) => `${method}: ${detail}`).join('; ');
  const reason = `no method would work now: ${reasons}`;
  const text = `${instance} is left as it is, ${reason} (\`--force\` tries all the same)`;
  const result = { cluster, instance, ok: false, reason };
  return { exitCode: EXIT.notHeld, text, prose: true, result };
}

async function dryRun(
  { terminal }: Context,
  client: ApiClient,
  { cluster, instance }: { readonly cluster: string; readonly instance: string },
  { method: wanted }: ReinitOptions,
): Promise<Outcome> {
  const view = await viewOf(client, cluster, instance);
  const answer = withOnly(await preflightOf(view), wanted);
  const serves = view.role === 'primary';
  const ok = !serves && answer.methods.some((method) => method.ok);
  const refused = serves
    ? `\n${instance} is the primary: it would be refused, \`matriarch switchover ${cluster}\` first`
    : '';
  return {
    exitCode: ok ? EXIT.held : EXIT.notHeld,
    text: `${preflightTable(answer, terminal)}${refused}`,
    result: { cluster, instance, ok, methods: answer.methods.map((method) => ({ ...method })) },
  };
}

function withOnly(answer: PreflightAnswer, wanted: string | undefined): PreflightAnswer {
  if (wanted === undefined) return answer;
  const methods = answer.methods.filter(({ method }) => method === wanted);
  if (methods.length > 0) return { ...answer, methods };
  const known = answer.methods.map(({ method }) => method).join(', ');
  throw new UsageError(`'${wanted}' is no method (${known})`);
}

/** The agent itself is asked: only its host knows what its tools find. */
async function preflightOf({ name, agentUrl }: InstanceView): Promise<PreflightAnswer> {
  const url = new URL('/rebuild/preflight', agentUrl);
  const limits = { timeoutMs: PREFLIGHT_TIMEOUT_MS, tls: null };
  const { body, status } = await callHttp({ method: 'GET', url, ...limits }).catch((cause) => {
    throw new AgentUnreachableError(name, url.origin, cause);
  });
  const parsed = preflightAnswer.safeParse(status === 200 ? JSON.parse(body) : null);
  if (parsed.success) return parsed.data;
  throw new ForeignAnswerError(url.origin, `HTTP status ${status} to the preflight`);
}

async function viewOf(client: ApiClient, cluster: string, instance: string): Promise<InstanceView> {
  const { instances } = await client.read(API_PATHS.cluster(cluster), clusterView);
  const found = instances.find(({ name }) => name === instance);
  if (found !== undefined) return found;
  const known = instances.map(({ name }) => name).join(', ') || 'none';
  throw new UsageError(`'${instance}' is not an instance of ${cluster}: name one of ${known}`);
}

/** `CLUSTER/INSTANCE`, or the instance alone where there is one cluster. */
async function whichInstance(client: ApiClient, named = '') {
  const [first = '', second, ...more] = named.split('/');
  if (first === '' || second === '' || more.length > 0) {
    throw new UsageError(`'${named}' is no instance: write CLUSTER/INSTANCE`);
  }
  if (second === undefined)
    return { cluster: await whichCluster(client, undefined), instance: first };
  return { cluster: first, instance: second };
}
