import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';

/** Port: the watchdog timer of this host. */
export interface WatchdogDevice {
  /** Starts the timer. @throws the system's error */
  open(): void;
  /** The timeout in force, in seconds; null when the device does not tell. */
  setTimeout(seconds: number): number | null;
  /** Starts the timer anew. */
  pet(): void;
  /** Stops the timer ("magic close"). */
  disarm(): void;
}

/** WDIOC_SETTIMEOUT and WDIOC_GETTIMEOUT of linux/watchdog.h, which Node cannot call. */
const SET_THEN_GET = `
  open(my $device, "+<&=", 3) or exit 1;
  my $seconds = pack("i", $ARGV[0]);
  ioctl($device, 0xC0045706, $seconds);
  $seconds = pack("i", 0);
  ioctl($device, 0x80045707, $seconds) or exit 1;
  print unpack("i", $seconds);
`;
const HELPER_LIMIT_MS = 1_000;
const MAGIC_CLOSE = 'V';

/**
 * `/dev/watchdog` as Linux has it. Most drivers allow one open handle, so the helper that sets the
 * timeout works on ours (docs/adr/0009). Writes to it are short and go to the driver, not to a disk.
 */
export class LinuxWatchdog implements WatchdogDevice {
  #handle: number | null = null;

  constructor(readonly path: string) {}

  open(): void {
    this.#handle ??= openSync(this.path, 'r+');
  }

  setTimeout(seconds: number): number | null {
    if (this.#handle === null) return null;
    const { status, stdout } = spawnSync('perl', ['-e', SET_THEN_GET, String(seconds)], {
      stdio: ['ignore', 'pipe', 'ignore', this.#handle],
      encoding: 'utf8',
      cwd: '/',
      timeout: HELPER_LIMIT_MS,
    });
    const inForce = Number.parseInt(stdout ?? '', 10);
    return status === 0 && inForce > 0 ? inForce : null;
  }

  pet(): void {
    if (this.#handle !== null) writeSync(this.#handle, '\0');
  }

  disarm(): void {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    try {
      writeSync(handle, MAGIC_CLOSE);
    } finally {
      closeSync(handle);
    }
  }
}
