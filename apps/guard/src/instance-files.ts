import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { InstanceFiles, StopStage } from '#libs/guarding';
import {
  type InstanceProcesses,
  proveDown,
  putStandbySignal,
  readShutdownPosition,
  removeRecoverySignal,
  removeStandbySignal,
  stopStageOf,
  unfinishedWork,
} from '#libs/process';
import type { Position } from '#libs/protocol';

export class DataDirectoryFiles implements InstanceFiles {
  constructor(
    readonly path: string,
    readonly processes: InstanceProcesses,
  ) {}

  proveDown(): { readonly kind: string } {
    return proveDown(this.path, { processes: this.processes });
  }

  putStandbySignal(): void {
    putStandbySignal(this.path);
  }

  /** `standby.signal` last: a host that dies in between leaves a standby. */
  removeSignalFiles(): void {
    removeRecoverySignal(this.path);
    removeStandbySignal(this.path);
  }

  async stopStage(): Promise<StopStage> {
    return await stopStageOf(this.path);
  }

  shutdownPosition(): Position | null {
    return readShutdownPosition(this.path);
  }

  unfinishedWork(): string | undefined {
    return unfinishedWork(this.path);
  }

  hasData(): boolean {
    return existsSync(join(this.path, 'PG_VERSION'));
  }
}
