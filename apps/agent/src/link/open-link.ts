import { randomBytes } from 'node:crypto';
import type { ControllerEntry } from '#libs/config';
import { messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import { DownTelling, type LinkTime, PeerLink, type TlsCredentials } from '#libs/transport';
import type { Link, LinkEvents } from './controller-channel.ts';

const INCARNATION_BYTES = 8;

/**
 * Opens warm links on the channel 'agent' over mutual TLS. A link that does not come up says why once:
 * it is tried for ever.
 */
export function linkOpener(
  credentials: TlsCredentials,
  time: LinkTime,
  log: Logger,
): (controller: ControllerEntry, events: LinkEvents) => Link {
  const incarnation = randomBytes(INCARNATION_BYTES).toString('hex');
  const self = { ...credentials.identity, memberId: 0, incarnation };
  return ({ name, address }, events) => {
    const telling = new DownTelling();
    const link = new PeerLink({
      host: address.host,
      port: address.port,
      channel: 'agent',
      security: { kind: 'mutual-tls', credentials },
      self,
      expectedName: name,
      time,
      onFrame: events.onFrame,
      onUp: () => {
        if (telling.over()) log.info('controller reached again', { controller: name });
        events.onUp();
      },
      onDown: (cause) => {
        const why = messageOf(cause);
        if (telling.isNews(why)) log.warn('controller not reached', { controller: name, why });
        events.onDown(why);
      },
    });
    link.start();
    return { send: (type, payload) => link.send(type, payload), close: () => link.stop() };
  };
}
