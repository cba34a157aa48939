import { setTimeout as delay } from 'node:timers/promises';
import {
  API_PATHS,
  type ControllerOrderAnswer,
  controllerOrderAnswer,
  controllersAnswer,
} from '#libs/api';
import type { Context } from '../context.ts';
import { EXIT, type Outcome } from '../outcome.ts';
import { controllersText } from '../render/controllers-text.ts';
import { elapsedClockMs } from '../system-clock.ts';

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
  const giveUpAt = elapsedClockMs() + limitMs;
  const body = { by, ...(address === undefined ? {} : { address }) };
  for (;;) {
    const path = API_PATHS.replaceController(name);
    const answer = await client.order(path, body, controllerOrderAnswer);
    if (answer.complete) return outcomeOf(answer, answer.text);
    context.terminal.transient(answer.text);
    if (elapsedClockMs() >= giveUpAt) {
      const text = `not complete after ${limitMs / 1_000} s: ${answer.text}; give the order again`;
      return { exitCode: EXIT.notHeld, text, result: { ok: false, ...answer } };
    }
    await delay(ASK_AGAIN_AFTER_MS);
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
