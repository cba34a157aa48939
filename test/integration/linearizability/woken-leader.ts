import { seededPrng } from '#libs/kernel';
import type { Operation } from '#libs/testing';
import type { ControllerProcesses } from '../controller/controller-processes.ts';
import { until } from '../until.ts';
import { RegisterClient } from './register-client.ts';

const PATIENCE_MS = 60_000;
const LIMIT_MS = 60_000;

/** A client that writes, and one that asks a controller for as long as it is not sent away. */
export class WokenLeader {
  private constructor(
    readonly processes: ControllerProcesses,
    readonly writer: RegisterClient,
    readonly reader: RegisterClient,
  ) {}

  static async on(processes: ControllerProcesses): Promise<WokenLeader> {
    const client = (name: string, loyal: boolean): RegisterClient =>
      new RegisterClient({ name, patienceMs: PATIENCE_MS, loyal, prng: seededPrng(1) });
    const [writer, reader] = [client('writer', false), client('reader', true)];
    await writer.connect(processes);
    // Its link to whoever sleeps must still be there when that one wakes, however long it takes.
    await reader.connect(processes, { peerSilenceMs: 10 * LIMIT_MS });
    return new WokenLeader(processes, writer, reader);
  }

  close(): void {
    this.writer.close();
    this.reader.close();
  }

  get history(): readonly Operation[] {
    return [...this.writer.history, ...this.reader.history];
  }

  /** The schedule of `runWokenLeader`, once, on a register of this name. */
  async once(key: string): Promise<void> {
    const { processes, writer, reader } = this;
    await writer.put(key, 'before');
    await reader.read(key);
    const old = reader.target;
    await processes.sleepApart(old);
    writer.target = processes.names.find((name) => name !== old) ?? '';
    await writer.put(key, 'after');
    const answered = reader.read(key);
    await until(() => reader.hasSent, LIMIT_MS);
    processes.signal(old, 'SIGCONT');
    await answered;
    await processes.network.healAll();
  }
}
