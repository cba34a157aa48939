import { ALONE, type SyncSetting } from '#libs/cluster';
import { between } from './cluster-world.ts';
import type { SimPostgres } from './sim-postgres.ts';
import type { Walsender } from './sim-streaming.ts';
import { isPrefix, type Wal } from './wal.ts';

type Waiting = { readonly wal: Wal; readonly acknowledge: () => void };

/** One reading of `synchronous_standby_names`; a later one of the same text is another reading. */
export type SyncReading = { readonly setting: SyncSetting; readonly edition: number };

/**
 * What commits of one PostgreSQL wait for. Its processes read the file each at its own time: a backend
 * only waits once the checkpointer has, and it is a walsender that lets it go on, by what that walsender
 * itself has read (safety 2).
 */
export class SimCommits {
  /** In the managed file. */
  file: SyncReading = { setting: ALONE, edition: 0 };
  /** Of the postmaster and its backends: what a session is shown. */
  inForce: SyncReading = this.file;
  #backendsWait = false;
  #waiting: Waiting[] = [];

  constructor(readonly postgres: SimPostgres) {}

  write(setting: SyncSetting): void {
    this.file = { setting, edition: this.file.edition + 1 };
  }

  /** A postmaster that starts has it in all its processes. */
  started(): void {
    this.inForce = this.file;
    this.#backendsWait = this.file.setting.count > 0;
    this.#waiting = [];
  }

  forget(): void {
    this.#waiting = [];
  }

  reload(): void {
    const { postgres } = this;
    const { process, world, streaming } = postgres;
    if (!postgres.alive) return;
    process.after(between(world, 1, 15), () => {
      this.inForce = this.file;
    });
    for (const walsender of streaming.walsenders.values()) {
      const busy = world.prng.chance(world.swarm.slowReloadChance);
      const drawnMs = busy ? between(world, 100, 3_000) : between(world, 1, 40);
      // One that is busy is not made less so by another signal.
      const leftMs = Math.max(drawnMs, walsender.busyUntilMs - world.scheduler.nowMs);
      if (busy) walsender.busyUntilMs = world.scheduler.nowMs + leftMs;
      process.after(leftMs, () => {
        walsender.reading = this.file;
        this.confirmed(walsender);
      });
    }
    process.after(between(world, 1, 800), () => this.readByCheckpointer());
  }

  /** It keeps the flag without which backends do not wait at all. */
  readByCheckpointer(): void {
    this.#backendsWait = this.file.setting.count > 0;
    if (this.#backendsWait) return;
    for (const { acknowledge } of this.#waiting.splice(0)) acknowledge();
  }

  committed(wal: Wal, acknowledge: () => void): void {
    if (this.#backendsWait) this.#waiting.push({ wal, acknowledge });
    else acknowledge();
  }

  /** This walsender heard from its standby, or read the file anew: it lets go whom it may. */
  confirmed(by: Walsender): void {
    if (this.#waiting.length === 0 || priorityOf(by) === 0) return;
    const { method, count } = by.reading.setting;
    const listed = [...this.postgres.streaming.walsenders.values()].filter(
      (walsender) => walsender.replied && priorityOf(walsender) > 0,
    );
    if (listed.length < count) return;
    const asked =
      method === 'any'
        ? listed
        : listed.sort((a, b) => priorityOf(a) - priorityOf(b)).slice(0, count);
    const isDone = ({ wal }: Waiting): boolean =>
      asked.filter(({ confirmed }) => isPrefix(wal, confirmed)).length >= count;
    const done = this.#waiting.filter(isDone);
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => !done.includes(each));
    for (const { acknowledge } of done) acknowledge();
  }
}

/** As the walsender itself has read it; 0: commits do not wait for this one. */
function priorityOf({ name, reading }: Walsender): number {
  const position = reading.setting.names.indexOf(name) + 1;
  return reading.setting.method === 'any' ? Math.min(position, 1) : position;
}
