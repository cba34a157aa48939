import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterState } from '#libs/cluster';
import { codeOf } from '#libs/kernel';
import { decode, encode, PROTOCOL_MAX } from '#libs/protocol';

/**
 * `<stateDirectory>/cluster-state.msgpack`: the folded state, so that a restarted agent need not ask
 * for the whole stream. It is a cache: nothing is done on it before the leader confirms it. It names the level of
 * the version that wrote it: a newer one may have folded what this one does not know.
 */
export class FoldedStateFile {
  constructor(
    readonly stateDirectory: string,
    readonly ownLevel: number = PROTOCOL_MAX,
  ) {}

  /** Null when there is none, or it cannot be read: the stream is then asked for from its begin. */
  read(): ClusterState | null {
    try {
      const value = decode(readFileSync(this.#path));
      return isWritten(value) && value.protocol <= this.ownLevel ? value.state : null;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'MALFORMED_MESSAGE') return null;
      throw error;
    }
  }

  write(state: ClusterState): void {
    const written: Written = { protocol: this.ownLevel, state };
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, encode(written), { mode: 0o600 });
    renameSync(temporary, this.#path);
  }

  get #path(): string {
    return join(this.stateDirectory, 'cluster-state.msgpack');
  }
}

type Written = { readonly protocol: number; readonly state: ClusterState };

function isWritten(value: unknown): value is Written {
  return (
    typeof value === 'object' &&
    value !== null &&
    'protocol' in value &&
    typeof value.protocol === 'number' &&
    'state' in value &&
    isState(value.state)
  );
}

function isState(value: unknown): value is ClusterState {
  return (
    typeof value === 'object' &&
    value !== null &&
    'sequence' in value &&
    typeof value.sequence === 'number' &&
    'lease' in value &&
    'members' in value
  );
}
