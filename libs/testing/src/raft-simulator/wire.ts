import { crc32 } from 'node:zlib';
import type { Prng } from '#libs/kernel';
import { decodeRaftMessage, encodeRaftMessage } from '#libs/protocol';
import type { Message } from '#libs/raft';
import type { Swarm } from './swarm.ts';

/** One arrival of what was sent; null when the checksum of the frame says that it was damaged. */
export type Arrival = () => Message | null;

/** How messages travel: as they are, or through the real codec in frames that may be damaged. */
export class Wire {
  constructor(
    private readonly prng: Prng,
    private readonly swarm: Pick<Swarm, 'codec' | 'flipChance'>,
    private readonly count: (what: string) => void,
  ) {}

  send(message: Message): Arrival {
    if (!this.swarm.codec) return () => message;
    const bytes = encodeRaftMessage(message);
    const checksum = crc32(bytes);
    this.count('encoded');
    return () => {
      const arrived = this.prng.chance(this.swarm.flipChance) ? this.#flipped(bytes) : bytes;
      if (crc32(arrived) === checksum) return decodeRaftMessage(arrived);
      this.count('flipsCaught');
      return null;
    };
  }

  #flipped(bytes: Uint8Array): Uint8Array {
    const damaged = Uint8Array.from(bytes);
    const at = this.prng.range(0, damaged.length - 1);
    damaged[at] = (damaged[at] ?? 0) ^ (1 << this.prng.range(0, 7));
    return damaged;
  }
}
