import { spawn } from 'node:child_process';
import { codeOf } from '#libs/kernel';
import type { GuardLog } from './guard-log.ts';

/** Where systemd hears what a service says of itself (`Type=notify`). */
const SOCKET_VARIABLE = 'NOTIFY_SOCKET';

/** Says once to systemd, when it has started this guard, that what is ordered after it may start. */
export class ServiceManager {
  #socket = process.env[SOCKET_VARIABLE];

  constructor(readonly log: GuardLog) {
    // PostgreSQL speaks to systemd too: its "I stop" would be taken for the guard's.
    delete process.env[SOCKET_VARIABLE];
  }

  tellReady(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    // Node has no datagram sockets of this kind.
    const env = { ...process.env, [SOCKET_VARIABLE]: socket };
    const child = spawn('systemd-notify', ['--ready'], { stdio: 'ignore', cwd: '/', env });
    child.once('error', (error) => {
      this.log.warn('systemd not told that the guard is ready', { code: codeOf(error) });
    });
  }
}
