import { type ClusterState, evolve, type RecordedEvent } from '#libs/cluster';
import { codeOf, messageOf } from '#libs/kernel';
import type { Logger } from '#libs/observability';
import type { Confirmation } from '#libs/protocol';
import { Repeats } from '../repeats.ts';
import type { FoldedStateFile } from '../state-directory/folded-state-file.ts';
import { SUBSCRIBE_ANSWER_MS } from '../timing.ts';
import type { ControllerChannel } from './controller-channel.ts';
import type { Controllers } from './controllers.ts';
import { Understanding } from './understanding.ts';

/**
 * The committed events of the cluster, folded with the controllers' own `evolve` and kept on disk. It
 * reads from one controller at a time; what comes twice, from the one before, is passed over.
 */
export class EventStream {
  #state: ClusterState | null;
  #source: ControllerChannel | null = null;
  #asking = false;
  /** Events went by unread while an answer was awaited: it may be of before them. */
  #missedMeanwhile = false;
  readonly #repeats = new Repeats();
  /** The controllers do not know the cluster. */
  unknownCluster = false;

  constructor(
    readonly file: FoldedStateFile,
    readonly log: Logger,
    readonly onChange: () => void,
    readonly understanding: Understanding = new Understanding(log),
  ) {
    this.#state = file.read();
  }

  get state(): ClusterState | null {
    return this.#state;
  }

  get sequence(): number {
    return this.#state?.sequence ?? 0;
  }

  get source(): ControllerChannel | null {
    return this.#source;
  }

  /** Reads on from `channel`; again from the start of what is missing when it is the same one. */
  readFrom(channel: ControllerChannel): void {
    this.#source = channel;
    void this.#subscribe(channel);
  }

  /** Events are as true from a follower as from the leader, only later. */
  readFromSomebody({ leader, connected }: Pick<Controllers, 'leader' | 'connected'>): void {
    if (this.#source?.up === true) return;
    const source = leader ?? connected[0];
    if (source !== undefined) this.readFrom(source);
  }

  lost(channel: ControllerChannel): void {
    if (this.#source === channel) this.#source = null;
  }

  /** For each confirmation that is news. */
  readonly confirmed = ({ protocol }: Confirmation): void => {
    this.understanding.heardLevel(protocol);
    this.onChange();
  };

  take(events: readonly RecordedEvent[], from: ControllerChannel): void {
    const fresh = events.filter((event) => event.sequence > this.sequence);
    const [first] = fresh;
    if (first === undefined) return;
    if (first.sequence > this.sequence + 1) {
      // An answer and the push behind it may come in one piece, and the push is read first.
      this.#missedMeanwhile = this.#asking;
      if (this.#source === from) void this.#subscribe(from);
      return;
    }
    let state = this.#state;
    for (const event of fresh) {
      if (!this.understanding.coversEvent(event.event)) break;
      state = evolve(state, event);
    }
    if (state !== null && state !== this.#state) this.#adopt(state);
  }

  async #subscribe(channel: ControllerChannel): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const ask = { sequence: this.sequence };
      const start = await channel.request('subscribe', ask, SUBSCRIBE_ANSWER_MS);
      if (this.#source !== channel) return;
      this.unknownCluster = start.kind === 'unknownCluster';
      if (start.kind === 'state' && this.understanding.coversState(start.protocol)) {
        this.#adopt(start.state);
      }
      this.onChange();
    } catch (error) {
      if (this.#source === channel) this.#source = null;
      const { name } = channel;
      this.log.debug('not subscribed', { name, code: codeOf(error), why: messageOf(error) });
    } finally {
      this.#asking = false;
      this.#askAgain(channel);
    }
  }

  /**
   * One is asked at a time: whoever became the source while another was asked would otherwise never tell,
   * nor would anybody of what was missed then, until the next event.
   */
  #askAgain(asked: ControllerChannel): void {
    const source = this.#source;
    const missed = this.#missedMeanwhile;
    this.#missedMeanwhile = false;
    if (source !== null && (source !== asked || missed)) void this.#subscribe(source);
  }

  /** Also backwards, when restored controllers know less: what was acted on is kept apart (safety 4). */
  #adopt(state: ClusterState): void {
    this.#state = state;
    this.unknownCluster = false;
    this.#keepCopy(state);
    this.onChange();
  }

  /** A cache: without it the next agent asks for the whole stream. A full disk must not end this one. */
  #keepCopy(state: ClusterState): void {
    try {
      this.file.write(state);
    } catch (error) {
      const why = messageOf(error);
      if (this.#repeats.isNews(why))
        this.log.warn('state of the cluster not kept on disk', { why });
    }
  }
}
