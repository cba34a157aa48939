import type { Prng } from '#libs/kernel';
import type { LogEntry, LogIndex, RaftMachine } from '#libs/raft';
import type { Oracle, Witness } from './oracle.ts';
import type { SimApplied } from './sim-applied.ts';
import type { SimClients } from './sim-clients.ts';
import { Violation } from './violation.ts';

/** How the applier reaches the member it belongs to, in whatever life that is. */
export type ApplierPort = {
  readonly oracle: Oracle;
  readonly clients: SimClients;
  readonly machine: () => RaftMachine;
  readonly applied: () => SimApplied;
  readonly commitIndex: () => LogIndex;
  readonly later: (delayMs: number, run: () => void) => void;
  readonly input: (run: () => void) => void;
  /** A batch of entries is applied. */
  readonly done: () => void;
};

/** Applies what is committed, at once or a bit later, and shows each entry to the oracle. */
export class SimApplier {
  #queue: LogEntry[] = [];

  constructor(
    private readonly member: Witness,
    private readonly prng: Prng,
    private readonly port: ApplierPort,
  ) {}

  plan(entries: readonly LogEntry[]): void {
    this.#queue.push(...entries);
    const { machine, applied, later, input, done } = this.port;
    const apply = (): void => {
      for (const entry of this.#queue.splice(0)) this.#apply(entry);
      machine().onApplied(applied().index);
      done();
    };
    if (this.prng.chance(0.5)) apply();
    else later(this.prng.unit() * 2, () => input(apply));
  }

  crash(): void {
    this.#queue = [];
  }

  #apply(entry: LogEntry): void {
    const { oracle, clients, applied, commitIndex } = this.port;
    const { id, media } = this.member;
    if (!applied().apply(entry)) return;
    if (media.log.lastIndex < entry.index) {
      throw new Violation('applied is durable', { id, index: entry.index });
    }
    oracle.committed(this.member, Math.max(entry.index, commitIndex()));
    oracle.applied(entry.index, applied().digest, id);
    clients.applied(entry);
  }
}
