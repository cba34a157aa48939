import { type ClusterState, isPromiseVoid, leaseTimingOf, whyNoPromise } from '#libs/cluster';
import { DomainError, epoch as epochOf, type InstanceName } from '#libs/kernel';
import { MemberPromise, type Moment, type PromiseInForce, promiseLastsMs } from '#libs/lease';
import type { SignedNote, SignedNotes } from '#libs/transport';
import type { KeptPromise } from '../state-directory/promise-file.ts';
import { type PromiseNote, readNote, writeNote } from './promise-note.ts';

/** This member does not promise what it was asked for. */
export class PromiseRefusedError extends DomainError {
  readonly code = 'PROMISE_REFUSED';

  constructor(why: string) {
    super(`no promise: ${why}`);
  }
}

export type PromiseDeskParts = {
  readonly instance: InstanceName;
  readonly notes: Pick<SignedNotes, 'sign' | 'read' | 'identity'>;
  readonly file: { readonly kept: KeptPromise | null; keep(promise: KeptPromise): void };
  readonly state: () => ClusterState | null;
  /** From no primary of an epoch up to this one: the promise that excludes every other. */
  readonly detachedThroughEpoch: () => number;
  readonly now: () => Moment;
  /** It takes part in no failover from now on: the leader, if there is one, is to know. */
  readonly onPromised: () => void;
};

/** The member's side of failsafe: what this agent has promised to the primary of an epoch (safety 11). */
export class PromiseDesk {
  readonly #parts: PromiseDeskParts;
  readonly #promise = new MemberPromise();
  #last = { epoch: 0, nonce: -1 };

  constructor(parts: PromiseDeskParts) {
    this.#parts = parts;
    const { kept } = parts.file;
    if (kept !== null) this.#promise.give(kept.epoch, kept.lastsMs, parts.now());
  }

  /** Null once it has lapsed, or nobody can rest on it any more. */
  inForce(): PromiseInForce | null {
    if (!this.#promise.wasGiven) return null;
    const promise = this.#promise.inForce(this.#parts.now());
    const state = this.#parts.state();
    if (promise === null || state === null) return promise;
    return isPromiseVoid(state, promise.epoch) ? null : promise;
  }

  /** @throws PromiseRefusedError, NoteNotTrustedError */
  answer(asked: unknown): SignedNote {
    const { notes } = this.#parts;
    const { from, text } = notes.read(asked);
    const note = readNote(text);
    if (note === null || note.kind !== 'ask' || note.to !== notes.identity.name) {
      throw new PromiseRefusedError('the note asks this instance for nothing');
    }
    const [cluster, holder] = from.name.split('/');
    const [ownCluster] = notes.identity.name.split('/');
    if (from.role !== 'agent' || cluster !== ownCluster || holder === undefined) {
      throw new PromiseRefusedError(`${from.role} ${from.name} is no member's agent`);
    }
    this.#give(holder, note);
    const { epoch, nonce } = note;
    return notes.sign(writeNote({ kind: 'promise', to: from.name, epoch, nonce }));
  }

  #give(holder: string, { epoch, nonce }: PromiseNote): void {
    const { state, instance, detachedThroughEpoch, file, now, onPromised } = this.#parts;
    const known = state();
    const refusal = whyNoPromise(known, instance, { holder, epoch }, detachedThroughEpoch());
    if (known === null || refusal !== null) {
      throw new PromiseRefusedError(refusal ?? 'the cluster is not known here');
    }
    // What was written down on the way is of no use: a promise is for who asks now.
    if (epoch === this.#last.epoch && nonce <= this.#last.nonce) {
      throw new PromiseRefusedError(`note ${nonce} was answered before`);
    }
    this.#last = { epoch, nonce };
    const promise = { epoch: epochOf(epoch), lastsMs: promiseLastsMs(leaseTimingOf(known)) };
    file.keep(promise);
    const wasInForce = this.#promise.inForce(now()) !== null;
    this.#promise.give(promise.epoch, promise.lastsMs, now());
    if (!wasInForce) onPromised();
  }
}
