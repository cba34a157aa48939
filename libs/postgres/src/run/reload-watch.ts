import { ProcTable } from '#libs/process';
import type { SqlSession } from './sql-session.ts';

const LOAD_TIME_SQL =
  "SELECT pg_conf_load_time()::text AS loaded_at, current_setting('primary_conninfo') AS conninfo";
const ASK_TIMEOUT_MS = 150;
/** Without SQL: how long after the kernel has delivered the signal the postmaster has handled it. */
const HANDLED_AFTER_MS = 100;
const SIGHUP_BIT = 1n;

/**
 * Notices that a reload has reached the postmaster: it rereads the files before it tells its backends,
 * so a backend with a new load time proves it. When no backend can be asked, the delivered signal has
 * to do.
 */
export class ReloadWatch {
  /** The new value in force is not empty: another file or the command line sets it. */
  settingOverridden = false;
  #postmasterPid = 0;
  #deliveredAtMs: number | undefined;
  #seen: 'sql' | 'signal' | undefined;

  private constructor(
    readonly session: SqlSession | undefined,
    readonly loadedBefore: string | undefined,
    readonly proc = new ProcTable(),
  ) {}

  /** Notes the load time before the signal is sent. */
  static async before(session: SqlSession | undefined): Promise<ReloadWatch> {
    const row = await ask(session);
    return new ReloadWatch(session, row?.loadedAt);
  }

  signalled(postmasterPid: number): void {
    this.#postmasterPid = postmasterPid;
  }

  async seenBy(): Promise<'sql' | 'signal' | undefined> {
    this.#seen ??= this.loadedBefore === undefined ? this.#seenBySignal() : await this.#seenBySql();
    return this.#seen;
  }

  async #seenBySql(): Promise<'sql' | 'signal' | undefined> {
    const row = await ask(this.session);
    if (row === undefined) return this.#seenBySignal();
    if (row.loadedAt === this.loadedBefore) return undefined;
    this.settingOverridden = row.conninfo !== '';
    return 'sql';
  }

  #seenBySignal(): 'signal' | undefined {
    const nowMs = performance.now();
    if (isHangupPending(this.proc.status(this.#postmasterPid))) return undefined;
    this.#deliveredAtMs ??= nowMs;
    return nowMs - this.#deliveredAtMs >= HANDLED_AFTER_MS ? 'signal' : undefined;
  }
}

function isHangupPending(status: string | undefined): boolean {
  const masks = [...(status ?? '').matchAll(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm)];
  return masks.some(([, mask]) => (BigInt(`0x${mask}`) & SIGHUP_BIT) !== 0n);
}

type LoadState = { readonly loadedAt: string; readonly conninfo: string };

/** A standby that cannot be asked is no error here: the signal's delivery is watched instead. */
async function ask(session: SqlSession | undefined): Promise<LoadState | undefined> {
  try {
    const [row] = (await session?.query(LOAD_TIME_SQL, [], ASK_TIMEOUT_MS)) ?? [];
    const { loaded_at: loadedAt, conninfo } = row ?? {};
    if (typeof loadedAt !== 'string' || typeof conninfo !== 'string') return undefined;
    return { loadedAt, conninfo };
  } catch {
    return undefined;
  }
}
