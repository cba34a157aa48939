import { get } from 'node:http';
import type { Endpoint } from '#libs/cluster';

/** Where an agent says who it is and whether its guard answers it. */
export const PEER_PATH = '/peer';

export type PeerAnswer = {
  readonly cluster: string;
  readonly instance: string;
  /** The guard answered its agent within `GUARD_SILENCE_MS`. */
  readonly guardAnswers: boolean;
};

const ANSWER_MAX_BYTES = 1_024;

/**
 * Asks the agent at this address for itself and for its guard; null when no agent answers in time.
 *
 * The guard has no listener of its own. One would say something new only of a host where the agent and
 * PostgreSQL are both dead and the guard alone lives, and there nothing is left to be protected; against
 * it stand an open port and more code in the one process that must never fail.
 */
export function probePeer(address: Endpoint, limitMs: number): Promise<PeerAnswer | null> {
  return new Promise((resolve) => {
    const { host, port } = address;
    const settle = (answer: PeerAnswer | null): void => {
      clearTimeout(timer);
      request.destroy();
      resolve(answer);
    };
    const request = get({ host, port, path: PEER_PATH, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > ANSWER_MAX_BYTES) settle(null);
      });
      response.on('end', () => settle(parse(text)));
      response.on('error', () => settle(null));
    });
    const timer = setTimeout(() => settle(null), limitMs);
    request.on('error', () => settle(null));
  });
}

function parse(text: string): PeerAnswer | null {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Whoever listens there is no agent.
    return null;
  }
  if (typeof answer !== 'object' || answer === null) return null;
  const { cluster, instance, guardAnswers } = answer as Partial<PeerAnswer>;
  if (typeof cluster !== 'string' || typeof instance !== 'string') return null;
  return { cluster, instance, guardAnswers: guardAnswers === true };
}
