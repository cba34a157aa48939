import { randomBytes } from 'node:crypto';
import type { ControllerEntry } from '#libs/config';
import { messageOf } from '#libs/kernel';
import { type LinkTime, PeerLink, type TlsCredentials } from '#libs/transport';
import type { Link, LinkEvents } from './controller-channel.ts';

const INCARNATION_BYTES = 8;

/** Opens warm links on the channel 'agent' over mutual TLS. */
export function linkOpener(
  credentials: TlsCredentials,
  time: LinkTime,
): (controller: ControllerEntry, events: LinkEvents) => Link {
  const incarnation = randomBytes(INCARNATION_BYTES).toString('hex');
  const self = { ...credentials.identity, memberId: 0, incarnation };
  return ({ name, address }, events) => {
    const link = new PeerLink({
      host: address.host,
      port: address.port,
      channel: 'agent',
      security: { kind: 'mutual-tls', credentials },
      self,
      expectedName: name,
      time,
      onFrame: events.onFrame,
      onUp: () => events.onUp(),
      onDown: (cause) => events.onDown(messageOf(cause)),
    });
    link.start();
    return { send: (type, payload) => link.send(type, payload), close: () => link.stop() };
  };
}
