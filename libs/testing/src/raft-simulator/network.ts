import type { Prng } from '#libs/kernel';
import type { MemberId, Message } from '#libs/raft';
import type { Scheduler } from './scheduler.ts';
import type { SnapshotBody } from './sim-disk.ts';
import type { Swarm } from './swarm.ts';
import type { Arrival, Wire } from './wire.ts';

/** A message, and the snapshot that its pieces would add up to. */
export type Outgoing = { readonly message: Message; readonly body: SnapshotBody | null };

/** With the process, and the directory, that it comes from. */
export type Packet = Outgoing & { readonly incarnation: string };

/** Loses, doubles, delays and reorders; cuts are one-way and kept as pairs. */
export class Network {
  readonly #cut = new Set<number>();
  healed = false;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly prng: Prng,
    private readonly swarm: Swarm,
    private readonly wire: Wire,
    private readonly deliver: (packet: Packet) => void,
  ) {}

  send(packet: Packet): void {
    const { lossChance, duplicateChance } = this.swarm;
    const { from, to } = packet.message;
    if (this.#cut.has(link(from, to))) return;
    if (!this.healed && this.prng.chance(lossChance)) return;
    const arrival = this.wire.send(packet.message);
    this.#schedule(packet, arrival);
    if (!this.healed && this.prng.chance(duplicateChance)) this.#schedule(packet, arrival);
  }

  cutOneWay(from: MemberId, to: MemberId): void {
    this.#cut.add(link(from, to));
  }

  cutBothWays(a: MemberId, b: MemberId): void {
    this.cutOneWay(a, b);
    this.cutOneWay(b, a);
  }

  /** In either direction. */
  isCut(a: MemberId, b: MemberId): boolean {
    return this.#cut.has(link(a, b)) || this.#cut.has(link(b, a));
  }

  /** What is no message of Raft; false when there is no link. */
  carry(from: MemberId, to: MemberId, arrive: () => void): boolean {
    if (this.isCut(from, to)) return false;
    if (this.healed || !this.prng.chance(this.swarm.lossChance)) {
      this.scheduler.after(this.swarm.delayMs * (0.5 + this.prng.unit()), arrive);
    }
    return true;
  }

  mend(): void {
    this.#cut.clear();
  }

  #schedule(packet: Packet, arrival: Arrival): void {
    const { delayMs, tailChance, tailMs } = this.swarm;
    const late = !this.healed && this.prng.chance(tailChance);
    const usualMs = this.healed ? Math.min(delayMs, 1) : delayMs;
    const wait = late ? this.prng.unit() * tailMs : usualMs * (0.5 + this.prng.unit());
    this.scheduler.after(wait, () => {
      const isCut = this.#cut.has(link(packet.message.from, packet.message.to));
      // What was under way when the cut came may still arrive, and then it arrives late.
      if (isCut && this.prng.chance(0.5)) return;
      const message = arrival();
      if (message !== null) this.deliver({ ...packet, message });
    });
  }
}

function link(from: MemberId, to: MemberId): number {
  return from * 1_000 + to;
}
