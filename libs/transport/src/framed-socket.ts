import type { Duplex } from 'node:stream';
import { DomainError } from '#libs/kernel';
import { HEADER_BYTES, writeHeader } from './frame-format.ts';
import { FrameParser, type OnFrame } from './frame-parser.ts';
import { TurnBuffer } from './turn-buffer.ts';

export type FramedSocketLimits = {
  /** A longer frame closes the link, in both directions. */
  readonly frameBytesMax: number;
  /** Bytes that may wait for a slow peer; a frame beyond them is dropped. */
  readonly sendBudgetBytes: number;
};

export type FramedSocketEvents = {
  readonly onFrame: OnFrame;
  /** Once; null when the peer ended the link in good order. */
  readonly onClose: (cause: Error | null) => void;
  /** Takes a stream that its peer has ended, and destroys it some time; absent: destroyed at once. */
  readonly layAside?: ((stream: Duplex) => void) | undefined;
};

/** Bodies below this are copied beside the other frames of the turn: one chunk costs less than two. */
const COPY_BELOW_BYTES = 16_384;
/** What was gathered goes to the stream once it is this long, and waits there, corked, for the rest. */
const GATHERED_BYTES_MAX = 65_536;

/** Frames over any byte stream. What a turn of the event loop sends leaves in one write. */
export class FramedSocket {
  /** Frames that `send` refused because the budget was full. */
  droppedFrames = 0;
  receivedFrames = 0;
  sentFrames = 0;
  readonly #parser: FrameParser;
  readonly #gathered = new TurnBuffer();
  #flushDue = false;
  /** A cork costs a walk through the stream's buffer: a turn that gathers one piece needs none. */
  #corked = false;
  #closed = false;
  #cause: Error | null = null;

  constructor(
    private readonly stream: Duplex,
    private limits: FramedSocketLimits,
    private readonly events: FramedSocketEvents,
  ) {
    this.#parser = new FrameParser(limits.frameBytesMax, (type, body) => {
      this.receivedFrames += 1;
      // A frame handler may close the link; what else is in the chunk is not for it then.
      if (!this.#closed) this.events.onFrame(type, body);
    });
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (error) => this.close(error));
    stream.on('end', () => this.#close(null, this.events.layAside));
    stream.on('close', () => this.close(null));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes that wait to be written. */
  get waitingBytes(): number {
    return this.stream.writableLength + this.#gathered.length;
  }

  /**
   * `body` must not change afterwards.
   *
   * @returns false when the frame was dropped: over the budget, or the link is closed
   */
  send(type: number, body: Uint8Array): boolean {
    if (this.#closed || this.stream.writableEnded) return false;
    const size = HEADER_BYTES + body.length;
    const full = this.waitingBytes + size > this.limits.sendBudgetBytes;
    if (full || body.length > this.limits.frameBytesMax) {
      this.droppedFrames += 1;
      return false;
    }
    this.#flushAfterThisTurn();
    this.sentFrames += 1;
    if (body.length < COPY_BELOW_BYTES) {
      this.#gathered.add(type, body);
      if (this.#gathered.length > GATHERED_BYTES_MAX) {
        this.#cork();
        this.#writeGathered();
      }
    } else {
      this.#cork();
      this.#writeGathered();
      const header = Buffer.allocUnsafe(HEADER_BYTES);
      writeHeader(header, type, body);
      this.stream.write(header);
      this.stream.write(body);
    }
    return true;
  }

  /** Before the hello little is allowed; afterwards what the channel needs. */
  useLimits(limits: FramedSocketLimits): void {
    this.limits = limits;
    this.#parser.bodyBytesMax = limits.frameBytesMax;
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  /** Sends what waits, then closes. */
  end(): void {
    if (this.#closed || this.stream.writableEnded) return;
    this.#writeGathered();
    this.stream.end();
  }

  close(cause: Error | null): void {
    this.#close(cause);
  }

  #close(cause: Error | null, layAside?: (stream: Duplex) => void): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cause = cause;
    if (layAside === undefined) this.stream.destroy();
    else layAside(this.stream);
    this.events.onClose(this.#cause);
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      // Only what the peer did wrong ends the link; a fault of ours must stop the process.
      if (!(error instanceof DomainError)) throw error;
      this.close(error);
    }
  }

  #flushAfterThisTurn(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    process.nextTick(() => {
      this.#flushDue = false;
      this.#writeGathered();
      if (!this.#corked) return;
      this.#corked = false;
      this.stream.uncork();
    });
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.stream.cork();
  }

  #writeGathered(): void {
    const frames = this.#gathered.take();
    if (frames !== null && !this.#closed && !this.stream.writableEnded) this.stream.write(frames);
  }
}
