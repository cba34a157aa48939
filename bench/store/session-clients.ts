import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { encode } from '#libs/protocol';
import type { Place } from './ours.ts';
import { type Reached, SessionLink } from './session-link.ts';
import type { Done, StoreClients } from './store.ts';

const SERVING_LIMIT_MS = 20_000;
const POLL_MS = 50;

type Group = Reached & { readonly places: readonly Place[]; requireRunning(): void };
type Client = { readonly link: SessionLink; readonly session: number; sequence: number };

/** Closed-loop clients of our own store: a session each, frames straight to the leader. */
export class SessionClients implements StoreClients {
  private constructor(
    readonly links: readonly SessionLink[],
    readonly clients: readonly Client[],
  ) {}

  static async open(where: Group, clients: number, linkCount: number): Promise<SessionClients> {
    const leader = await findLeader(where);
    const links = Array.from({ length: linkCount }, () => new SessionLink(leader, where));
    const opened: Client[] = [];
    for (let at = 0; at < clients; at += 1) {
      const link = links[at % linkCount];
      if (link === undefined) break;
      opened.push({ link, session: await untilOpened(link), sequence: 0 });
    }
    return new SessionClients(links, opened);
  }

  put(client: number, key: string, value: Uint8Array, done: Done): void {
    const own = this.clients[client];
    if (own === undefined) return;
    const { link, session } = own;
    own.sequence += 1;
    const { sequence } = own;
    const body = encode(['put', key, value, null]);
    link.send(
      { type: 'command', id: link.nextId(), session, sequence, answeredTo: sequence - 1, body },
      (answer) => done(answer?.type === 'result' ? null : new Error(JSON.stringify(answer))),
    );
  }

  close(): void {
    for (const link of this.links) link.stop();
  }
}

/** Asks one after another to open a session; only the leader can. */
async function findLeader(where: Group): Promise<Place> {
  const links = where.places.map((place) => ({ place, link: new SessionLink(place, where) }));
  const endMs = performance.now() + SERVING_LIMIT_MS;
  try {
    while (performance.now() < endMs) {
      where.requireRunning();
      for (const { place, link } of links) {
        link.hurry();
        if (link.isUp && (await openSession(link)) !== null) return place;
      }
      await pause(POLL_MS);
    }
  } finally {
    for (const { link } of links) link.stop();
  }
  throw new Error(`no controller led within ${SERVING_LIMIT_MS} ms`);
}

async function untilOpened(link: SessionLink): Promise<number> {
  const endMs = performance.now() + SERVING_LIMIT_MS;
  while (performance.now() < endMs) {
    const session = link.isUp ? await openSession(link) : null;
    if (session !== null) return session;
    await pause(POLL_MS);
  }
  throw new Error(`no session was opened within ${SERVING_LIMIT_MS} ms`);
}

/** Null when this controller does not lead, or left. */
export function openSession(link: SessionLink): Promise<number | null> {
  const token = randomBytes(16).toString('hex');
  return new Promise((resolve) => {
    link.send({ type: 'open', id: link.nextId(), token }, (answer) => {
      resolve(answer?.type === 'opened' ? answer.session : null);
    });
  });
}
