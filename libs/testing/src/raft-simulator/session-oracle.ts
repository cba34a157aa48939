import type { CommandResult } from '#libs/event-store';
import { decode } from '#libs/protocol';
import type { LogIndex } from '#libs/raft';
import { checkLinearizable, type Operation } from '../linearizability/index.ts';
import { Violation } from './violation.ts';

type Application = {
  readonly index: LogIndex;
  readonly envelope: Uint8Array;
  readonly result: CommandResult;
  /** Whether a register was written. */
  readonly effect: boolean;
  readonly digest: number;
};

/** What sessions promise: one effect and one answer a command, equal states at equal indexes. */
export class SessionOracle {
  readonly history: Operation[] = [];
  readonly #digests = new Map<LogIndex, number>();
  readonly #answers = new Map<string, string>();
  readonly #effects = new Map<string, LogIndex>();

  applied({ index, envelope, result, effect, digest }: Application): void {
    const known = this.#digests.get(index);
    if (known !== undefined && known !== digest) {
      throw new Violation('digests are equal at equal applied indexes', { index, known, digest });
    }
    this.#digests.set(index, digest);
    const [kind, session, sequence] = decode(envelope) as readonly unknown[];
    if (kind !== 1) return;
    const command = `${session}/${sequence}`;
    const answer = JSON.stringify(result);
    const before = this.#answers.get(command);
    const forgotten = result.type === 'rejected' && result.code === 'SEQUENCE_FORGOTTEN';
    if (!forgotten && before !== undefined && before !== answer) {
      throw new Violation('a command has one answer', { command, before, answer });
    }
    if (!forgotten) this.#answers.set(command, answer);
    if (!effect) return;
    const place = this.#effects.get(command) ?? index;
    this.#effects.set(command, place);
    if (place !== index) throw new Violation('a command has one effect', { command, place, index });
  }

  checkHistory(): void {
    const verdict = checkLinearizable(this.history, 200_000);
    if (verdict.kind !== 'violation') return;
    throw new Violation('the history of the registers is linearizable', verdict);
  }
}
