import type { Endpoint } from '#libs/cluster';
import { messageOf, seededPrng } from '#libs/kernel';
import {
  ControllerFrame,
  type ControllerMessage,
  decodeControllerMessage,
  encodeControllerMessage,
} from '#libs/protocol';
import { type LinkSecurity, type LinkSelf, PeerLink } from '#libs/transport';
import { systemClock } from '../system-clock.ts';

export type Question<T> = {
  readonly place: Endpoint;
  readonly security: LinkSecurity;
  /** As yet without a seat. */
  readonly self: LinkSelf;
  /** Null: any controller of the group may answer. */
  readonly expectedName: string | null;
  readonly message: ControllerMessage;
  /** Undefined for whatever is no answer to it. */
  readonly answerOf: (message: ControllerMessage) => T | undefined;
  readonly limitMs: number;
};

export type Asked<T> =
  | { readonly answer: T }
  /** Why there is none. */
  | { readonly none: string };

/** One question on a link of its own, asked once. */
export function askController<T>(question: Question<T>): Promise<Asked<T>> {
  const { place, security, self, expectedName, message, answerOf, limitMs } = question;
  return new Promise((resolve) => {
    const settle = (asked: Asked<T>): void => {
      clearTimeout(timer);
      link.stop();
      resolve(asked);
    };
    const timer = setTimeout(() => settle({ none: `no answer within ${limitMs} ms` }), limitMs);
    const link = new PeerLink({
      ...place,
      ...{ security, self, channel: 'raft-control', expectedName },
      time: { clock: systemClock, prng: seededPrng(1) },
      onUp: () => link.send(ControllerFrame.message, encodeControllerMessage(message)),
      onFrame: (type, body) => {
        if (type !== ControllerFrame.message) return;
        const answer = answerOf(decodeControllerMessage(body));
        if (answer !== undefined) settle({ answer });
      },
      onDown: (cause) => settle({ none: messageOf(cause) }),
    });
    link.start();
  });
}
