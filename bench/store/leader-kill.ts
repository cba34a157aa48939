import { setTimeout as pause } from 'node:timers/promises';
import { encode } from '#libs/protocol';
import type { OurGroup } from './ours.ts';
import { openSession } from './session-clients.ts';
import { SessionLink } from './session-link.ts';

const BEFORE_MS = 500;
const AFTER_MS = 1_500;
const RECOVERED_COMMITS = 20;
const RECOVERY_LIMIT_MS = 20_000;
/** A leader that does not answer for this long is asked again, and so are the others. */
const ANSWER_LIMIT_MS = 100;
const RETRY_MS = 5;
const RETURN_POLL_MS = 50;

/** Longest time without a commit around each `kill -9` of the leader, in milliseconds. */
export async function measureLeaderKills(
  group: OurGroup,
  times: number,
  onGap: (gapMs: number) => void,
): Promise<void> {
  const writer = new ChasingWriter(group);
  await writer.start();
  try {
    for (let round = 0; round < times; round += 1) {
      await pause(BEFORE_MS);
      const leader = group.members.find((member) => member.member.name === writer.leader);
      if (leader === undefined) throw new Error(`no member is called '${writer.leader}'`);
      writer.forget();
      await leader.kill();
      await writer.untilCommits(RECOVERED_COMMITS, leader.member.name);
      onGap(writer.longestGapMs);
      leader.start();
      await writer.untilFollows(leader.member.name);
      await pause(AFTER_MS);
    }
  } finally {
    writer.stop();
  }
}

/** A follower refuses to open a session and names its leader. */
function knowsLeader(link: SessionLink): Promise<boolean> {
  return new Promise((resolve) => {
    link.send({ type: 'open', id: link.nextId(), token: 'bench-follows' }, (answer) => {
      resolve(answer?.type === 'opened' || (answer?.type === 'failed' && answer.leader !== null));
    });
  });
}

/** One client that writes without a pause and goes after the leader, with exactly-once effect. */
class ChasingWriter {
  readonly #links: readonly { readonly name: string; readonly link: SessionLink }[];
  #at = 0;
  #session = 0;
  #sequence = 0;
  #stopped = false;
  #committedMs = 0;
  #commits = 0;
  longestGapMs = 0;

  constructor(group: OurGroup) {
    this.#links = group.places.map((place) => ({
      name: place.name,
      link: new SessionLink(place, group),
    }));
  }

  get leader(): string {
    return this.#links[this.#at]?.name ?? '';
  }

  async start(): Promise<void> {
    const endMs = performance.now() + RECOVERY_LIMIT_MS;
    while (performance.now() < endMs) {
      const link = this.#links[this.#at]?.link;
      const session = link?.isUp === true ? await openSession(link) : null;
      if (session !== null) {
        this.#session = session;
        this.#next();
        return;
      }
      this.#at = (this.#at + 1) % this.#links.length;
      await pause(RETRY_MS);
    }
    throw new Error('no controller led');
  }

  forget(): void {
    this.longestGapMs = 0;
    this.#commits = 0;
  }

  async untilCommits(count: number, notFrom: string): Promise<void> {
    const endMs = performance.now() + RECOVERY_LIMIT_MS;
    while (performance.now() < endMs) {
      if (this.leader !== notFrom && this.#commits >= count) return;
      await pause(RETRY_MS);
    }
    throw new Error(`no commits within ${RECOVERY_LIMIT_MS} ms of a kill`);
  }

  /** Until the member is back: the next kill must leave two of three, not one and a start. */
  async untilFollows(name: string): Promise<void> {
    const link = this.#links.find((entry) => entry.name === name)?.link;
    const endMs = performance.now() + RECOVERY_LIMIT_MS;
    while (performance.now() < endMs) {
      link?.hurry();
      if (link?.isUp === true && (await knowsLeader(link))) return;
      await pause(RETURN_POLL_MS);
    }
    throw new Error(`'${name}' did not follow within ${RECOVERY_LIMIT_MS} ms of its start`);
  }

  stop(): void {
    this.#stopped = true;
    for (const { link } of this.#links) link.stop();
  }

  #next(): void {
    this.#sequence += 1;
    this.#attempt(encode(['put', 'bench/kill', encode(this.#sequence), null]));
  }

  /** The same sequence until it is answered: whichever leader takes it, its effect is one. */
  #attempt(body: Uint8Array): void {
    const link = this.#links[this.#at]?.link;
    if (link === undefined || this.#stopped) return;
    const sequence = this.#sequence;
    let settled = false;
    const again = (): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      this.#at = (this.#at + 1) % this.#links.length;
      this.#links[this.#at]?.link.hurry();
      setTimeout(() => this.#attempt(body), RETRY_MS);
    };
    const timer = setTimeout(again, ANSWER_LIMIT_MS);
    const request = { session: this.#session, sequence, answeredTo: sequence - 1, body };
    link.send({ type: 'command', id: link.nextId(), ...request }, (answer) => {
      if (answer?.type !== 'result') again();
      else if (!settled) {
        settled = true;
        clearTimeout(timer);
        this.#committed();
        this.#next();
      }
    });
  }

  #committed(): void {
    const nowMs = performance.now();
    const gapMs = Math.round(nowMs - this.#committedMs);
    if (this.#committedMs > 0) this.longestGapMs = Math.max(this.longestGapMs, gapMs);
    this.#committedMs = nowMs;
    this.#commits += 1;
  }
}
