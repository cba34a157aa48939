import {
  API_PATHS,
  type ControllerOrderAnswer,
  controllerOrderAnswer,
  controllersAnswer,
} from '#libs/api';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { controllersText } from '../render/controllers-text.ts';
import { pauseUntil, Watch } from '../watch.ts';

export type ReplaceOptions = {
  readonly by: string;
  readonly address?: string;
  /** In seconds. */
  readonly wait?: number;
};

const DEFAULT_WAIT_MS = 120_000;
const ASK_AGAIN_AFTER_MS = 500;

export async function listControllers({ client, terminal }: Context): Promise<Outcome> {
  const answer = await (await client()).read(API_PATHS.controllers, controllersAnswer);
  return { exitCode: EXIT.held, text: controllersText(answer, terminal), result: answer };
}

export async function addController(
  context: Context,
  name: string,
  address: string,
): Promise<Outcome> {
  const client = await context.client();
  const answer = await client.order(
    API_PATHS.controllers,
    { name, address },
    controllerOrderAnswer,
  );
  return outcomeOf(answer, `${answer.text}\ntoken: ${answer.token ?? '-'}`);
}

export async function removeController(context: Context, name: string): Promise<Outcome> {
  const client = await context.client();
  const answer = await client.order(API_PATHS.removeController(name), {}, controllerOrderAnswer);
  return outcomeOf(answer, answer.text);
}

/** The order is given again until it is complete: each time it goes on from where things stand. */
export async function replaceController(
  context: Context,
  name: string,
  { by, address, wait }: ReplaceOptions,
): Promise<Outcome> {
  const client = await context.client();
  const limitMs = wait === undefined ? DEFAULT_WAIT_MS : wait * 1_000;
  const body = { by, ...(address === undefined ? {} : { address }) };
  const path = API_PATHS.replaceController(name);
  const watch = new Watch(limitMs);
  try {
    for (;;) {
      const answer = await client.order(path, body, controllerOrderAnswer);
      if (answer.complete) return outcomeOf(answer, answer.text);
      context.terminal.transient(`  ${answer.text}`);
      if (watch.signal.aborted) {
        const ended = watch.left
          ? 'not watched any more'
          : `not complete after ${limitMs / 1_000} s`;
        const exitCode = watch.left ? EXIT.left : EXIT.notHeld;
        const text = `${ended}: ${answer.text}; give the order again`;
        return { exitCode, text, result: { ok: false, ...answer } };
      }
      await pauseUntil(watch.signal, ASK_AGAIN_AFTER_MS);
    }
  } finally {
    watch.end();
    context.terminal.transient('');
  }
}

export async function transferLeader(context: Context, name: string | undefined): Promise<Outcome> {
  const client = await context.client();
  const body = name === undefined ? {} : { to: name };
  const answer = await client.order(API_PATHS.transferLeadership, body, controllerOrderAnswer);
  return outcomeOf(answer, answer.text);
}

function outcomeOf(answer: ControllerOrderAnswer, text: string): Outcome {
  return { exitCode: EXIT.held, text, result: { ok: true, ...answer } };
}
