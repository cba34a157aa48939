import type { LogEntry, LogIndex, MemberId, RaftMachine, RoundOutcome, Term } from '#libs/raft';
import { serialOf } from './hashes.ts';
import type { Oracle } from './oracle.ts';
import { Violation } from './violation.ts';

type Claim = { readonly term: Term; readonly serial: number };
type Read = { readonly floorIndex: LogIndex; readonly newestServingTerm: Term };

/** The clients of one member: what they were promised, and what their reads must see. */
export class SimClients {
  readonly #claims = new Map<LogIndex, Claim>();
  readonly #reads = new Map<number, Read[]>();

  constructor(
    private readonly member: MemberId,
    private readonly oracle: Oracle,
    private readonly count: (what: string) => void,
  ) {}

  propose(machine: RaftMachine, payloads: readonly Uint8Array[]): void {
    const result = machine.propose(payloads);
    if (!result.accepted) return;
    for (const [offset, payload] of payloads.entries()) {
      const claim = { term: result.term, serial: serialOf(payload) };
      this.#claims.set(result.firstIndex + offset, claim);
    }
  }

  /** A client hears of success when its command is applied here in the term it was proposed in. */
  applied(entry: LogEntry): void {
    const claim = this.#claims.get(entry.index);
    if (claim === undefined) return;
    this.#claims.delete(entry.index);
    if (claim.term !== entry.term) return;
    this.count('acknowledged');
    this.oracle.acknowledged(claim.serial, entry.index);
  }

  /** A read begins now: it must see everything that was acknowledged before. */
  read(machine: RaftMachine): void {
    const result = machine.confirmRound();
    if (!result.accepted) return;
    const { newestAcknowledgedIndex: floorIndex, newestServingTerm } = this.oracle;
    const waiting = this.#reads.get(result.round) ?? [];
    waiting.push({ floorIndex, newestServingTerm });
    this.#reads.set(result.round, waiting);
  }

  /** A confirmed round says that no later leader served when it began (reference/raft.md 5.3, L1). */
  answered({ round, outcome, readIndex }: RoundOutcome, term: Term): void {
    const reads = this.#reads.get(round) ?? [];
    this.#reads.delete(round);
    if (outcome === 'lost') return;
    for (const { floorIndex, newestServingTerm } of reads) {
      this.count('reads');
      const { member } = this;
      if (readIndex < floorIndex) {
        throw new Violation('a read is not stale', { member, term, readIndex, floorIndex });
      }
      if (newestServingTerm > term) {
        throw new Violation('a round of an old leader fails', { member, term, newestServingTerm });
      }
    }
  }

  /** Connections end with the process: their outcomes stay unknown. */
  crash(): void {
    this.#claims.clear();
    this.#reads.clear();
  }
}
