import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { DomainError } from '#libs/kernel';

export type Member = {
  readonly name: string;
  readonly argv: readonly string[];
  /** Both streams are appended here. */
  readonly logFile: string;
};

const STOP_GRACE_MS = 5_000;
const KIB_PER_MIB = 1_024;
/** In /proc/PID/stat, counted from after the name; then comes that of the kernel. */
const UTIME_AT = 11;
const MS_PER_CLOCK_TICK = 10;
/** Of the scheduler: some nine times the share of what has none, as CPUWeight=1000 in the controller's unit. */
const PREFERRED_NICENESS = -10;

/** Everything that was started and still runs; whatever ends this process ends them too, by pid. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

class MemberEndedError extends DomainError {
  readonly code = 'MEMBER_ENDED';

  constructor({ name, logFile }: Member) {
    const said = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-3).join(' | ');
    super(`${name} ended by itself: ${said}`);
  }
}

/** One member of a group under test. */
export class MemberProcess {
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(readonly member: Member) {}

  start(): void {
    const { argv, logFile } = this.member;
    const log = openSync(logFile, 'a');
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    running.add(child);
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        running.delete(child);
        if (this.#child === child) this.#child = null;
        resolve();
      };
      child.once('exit', end);
      child.once('error', end);
    });
  }

  /** Null when it ended. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /**
   * Before whatever else wants the processors of this machine, as its unit has it on a real host; needs root. Where the
   * scheduler shares by session, that of its session is set: its own would count within it only.
   */
  prefer(): void {
    if (this.pid === null) return;
    setPriority(this.pid, PREFERRED_NICENESS);
    const ofSession = `/proc/${this.pid}/autogroup`;
    if (existsSync(ofSession)) writeFileSync(ofSession, String(PREFERRED_NICENESS));
  }

  /** @throws MemberEndedError, when it ended by itself, with the end of its log */
  requireRunning(): void {
    if (this.#child === null) throw new MemberEndedError(this.member);
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Takes no processor until `resume`; what it has in memory stays. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    child?.kill('SIGTERM');
    // A paused one would not hear of it.
    child?.kill('SIGCONT');
    const killer = setTimeout(() => child?.kill('SIGKILL'), STOP_GRACE_MS);
    await this.#ended;
    clearTimeout(killer);
  }

  /** Processor time since its start, in milliseconds; 0 when it ended. */
  cpuMs(): number {
    if (this.pid === null) return 0;
    const text = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[UTIME_AT]) + Number(fields[UTIME_AT + 1])) * MS_PER_CLOCK_TICK;
  }

  /** Resident and proportional memory in MiB; null when it ended. */
  memoryMb(): { readonly rss: number; readonly pss: number } | null {
    if (this.pid === null) return null;
    const text = readFileSync(`/proc/${this.pid}/smaps_rollup`, 'utf8');
    return { rss: kilobytes(text, 'Rss'), pss: kilobytes(text, 'Pss') };
  }
}

function kilobytes(text: string, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text);
  return Math.round(Number(found?.[1] ?? 0) / KIB_PER_MIB);
}
