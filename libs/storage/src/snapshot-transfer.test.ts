import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Message, RaftMachine, SnapshotMeta } from '#libs/raft';
import type { SnapshotPiece } from '#libs/storage';
import { Snapshotter } from './snapshotter.ts';

type Chunk = Extract<Message, { type: 'snapshotChunk' }>;
type Ack = Extract<Message, { type: 'snapshotAck' }>;

const PIECE_BYTES = 10;
const PIECES = 6;
const FOLLOWER = 3;

describe('a snapshot under way', () => {
  let wire: World;

  beforeEach(() => {
    vi.useFakeTimers();
    wire = new World();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('arrives, each piece sent once', async () => {
    wire.leader(1, { term: 1, index: 50 }).send(FOLLOWER, 1);
    await wire.settle();
    expect(wire.installed).toEqual([50]);
    expect(wire.offsets(1)).toEqual([0, 10, 20, 30, 40, 50]);
    expect(wire.outcomes).toEqual(['1 installed 50']);
  });

  it('goes on after a cut link from the piece that was lost', async () => {
    wire.leader(1, { term: 1, index: 50 }).send(FOLLOWER, 1);
    let cut = true;
    wire.loses = (message) => cut && message.type === 'snapshotChunk' && message.offset >= 30;
    await wire.pass(30_000);
    expect(wire.installed).toEqual([]);
    cut = false;
    await wire.pass(3_000);
    expect(wire.installed).toEqual([50]);
    expect(wire.offsets(1).filter((offset) => offset < 30)).toEqual([0, 10, 20]);
  });

  it('goes on when answers are lost or come late', async () => {
    wire.leader(1, { term: 1, index: 50 }).send(FOLLOWER, 1);
    let answers = 0;
    wire.loses = ({ type }) => {
      if (type === 'snapshotAck') answers += 1;
      return type === 'snapshotAck' && answers % 2 === 1;
    };
    await wire.pass(30_000);
    expect(wire.installed).toEqual([50]);
    expect(wire.outcomes).toEqual(['1 installed 50']);
  });

  it('goes on from what the receiver has kept over its restart', async () => {
    wire.leader(1, { term: 1, index: 50 }).send(FOLLOWER, 1);
    wire.loses = (message) => message.type === 'snapshotChunk' && message.offset >= 30;
    await wire.settle();
    wire.restartFollower();
    wire.loses = () => false;
    await wire.pass(3_000);
    expect(wire.installed).toEqual([50]);
    expect(wire.offsets(1).filter((offset) => offset === 0)).toEqual([0]);
  });

  it('is given up after a minute of silence', async () => {
    wire.leader(1, { term: 1, index: 50 }).send(FOLLOWER, 1);
    wire.loses = () => true;
    await wire.pass(57_000);
    expect(wire.outcomes).toEqual([]);
    await wire.pass(3_000);
    expect(wire.outcomes).toEqual(['1 failed 50']);
  });

  it('of a leader that was deposed does not throw away that of the next one', async () => {
    wire.leader(1, { term: 1, index: 50 }).send(FOLLOWER, 1);
    await wire.step(4);
    // It has not heard of the new term yet and goes on.
    wire.leader(2, { term: 2, index: 60 }).send(FOLLOWER, 2);
    await wire.settle();
    expect(wire.installed).toEqual([60]);
    expect(wire.outcomes).toContain('2 installed 60');
  });

  it('that turns out to be older than what is here leaves nothing on disk, and is as good as installed', async () => {
    wire.isWanted = false;
    wire.leader(1, { term: 1, index: 50 }).send(FOLLOWER, 1);
    await wire.settle();
    expect(wire.discarded).toBe(1);
    expect(wire.outcomes).toEqual(['1 installed 50']);
    wire.isWanted = true;
    wire.leader(2, { term: 2, index: 60 }).send(FOLLOWER, 2);
    await wire.settle();
    expect(wire.installed).toEqual([60]);
  });

  it('ends when its leader steps down', async () => {
    const machine = { role: 'leader', term: 1 };
    wire.leader(1, { term: 1, index: 50 }, machine).send(FOLLOWER, 1);
    await wire.step(4);
    machine.role = 'follower';
    await wire.settle();
    expect(wire.outcomes).toEqual(['1 failed 50']);
    expect(wire.installed).toEqual([]);
  });
});

/** Leaders that send and one follower that receives, over a wire that moves message by message. */
class World {
  readonly installed: number[] = [];
  readonly outcomes: string[] = [];
  loses: (message: Message) => boolean = () => false;
  /** What the follower's machine says to a sealed snapshot. */
  isWanted = true;
  discarded = 0;
  readonly #sent: Chunk[] = [];
  readonly #wire: Message[] = [];
  readonly #leaders = new Map<number, Snapshotter>();
  /** What lies on the follower's disk: it outlives the process. */
  readonly #staging = { index: 0, storedBytes: 0 };
  #follower = this.#startFollower();

  leader(
    self: number,
    { term, index }: { readonly term: number; readonly index: number },
    status: { role: string; term: number } = { role: 'leader', term },
  ): Snapshotter {
    const membership = { members: [], voters: [self], outgoing: [], learners: [] };
    const snapshot = {
      meta: { index, term, membership },
      pieces: piecesFrom,
      close: async () => undefined,
    };
    const raft = {
      status: () => status,
      onSnapshotSent: (_to: number, outcome: string, at: number) => {
        this.outcomes.push(`${self} ${outcome} ${at}`);
      },
    };
    const leader = this.#snapshotter(self, raft, { openStateSnapshot: () => snapshot });
    this.#leaders.set(self, leader);
    return leader;
  }

  restartFollower(): void {
    this.#follower = this.#startFollower();
  }

  /** Offsets of the pieces that a leader sent, in order. */
  offsets(from: number): number[] {
    return this.#sent.filter((chunk) => chunk.from === from).map(({ offset }) => offset);
  }

  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 20; quiet += 1) {
      await vi.advanceTimersByTimeAsync(0);
      if (this.#wire.length === 0) continue;
      quiet = 0;
      this.#deliver();
    }
  }

  /** Delivers this many messages. */
  async step(messages: number): Promise<void> {
    for (let left = messages; left > 0; ) {
      await vi.advanceTimersByTimeAsync(0);
      if (this.#wire.length === 0) continue;
      this.#deliver();
      left -= 1;
    }
  }

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
      await this.settle();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    await this.settle();
  }

  #deliver(): void {
    const message = this.#wire.shift();
    if (message === undefined || this.loses(message)) return;
    if (message.type === 'snapshotChunk') this.#follower.onChunk(message);
    else this.#leaders.get(message.to)?.onAck(message as Ack);
  }

  #startFollower(): Snapshotter {
    const disk = this.#staging;
    let begun: SnapshotMeta | null = null;
    const receiver = {
      begin: async (meta: SnapshotMeta) => {
        if (disk.index !== meta.index) Object.assign(disk, { index: meta.index, storedBytes: 0 });
        // As the real one does: after a restart the newest piece may be torn.
        else if (begun === null) disk.storedBytes = Math.max(0, disk.storedBytes - PIECE_BYTES);
        begun = meta;
        return disk.storedBytes;
      },
      write: async (offset: number, bytes: Uint8Array) => {
        if (offset <= disk.storedBytes) {
          disk.storedBytes = Math.max(disk.storedBytes, offset + bytes.length);
        }
        return disk.storedBytes;
      },
      seal: async () => {
        Object.assign(disk, { index: 0, storedBytes: 0 });
        const meta = begun;
        begun = null;
        return meta;
      },
      discard: async () => {
        this.discarded += 1;
      },
    };
    const raft = {
      onSnapshotReceived: ({ index }: SnapshotMeta) => {
        if (!this.isWanted) return false;
        this.installed.push(index);
        queueMicrotask(() => this.#follower.onRestored(index));
        return true;
      },
    };
    return this.#snapshotter(FOLLOWER, raft, { openSnapshotReceiver: () => receiver });
  }

  #snapshotter(self: number, raft: object, storage: object): Snapshotter {
    const send = (message: Message): void => {
      if (message.type === 'snapshotChunk') this.#sent.push(message);
      this.#wire.push(message);
    };
    return new Snapshotter({
      self,
      storage,
      links: { send },
      log: { info: () => undefined, warn: () => undefined },
      feed: (input: (machine: RaftMachine) => void) => input(raft as RaftMachine),
      failed: (error: unknown) => {
        throw error;
      },
    } as unknown as ConstructorParameters<typeof Snapshotter>[0]);
  }
}

async function* piecesFrom(offset = 0): AsyncGenerator<SnapshotPiece> {
  for (let at = offset; at < PIECES * PIECE_BYTES; at += PIECE_BYTES) {
    const last = at + PIECE_BYTES >= PIECES * PIECE_BYTES;
    const sha256 = last ? new Uint8Array(32) : null;
    yield { offset: at, bytes: new Uint8Array(PIECE_BYTES), last, sha256 };
  }
}
