/** The scenarios of Patroni's watchdog and frozen_patroni features, on a device of paper. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { WatchdogSettings } from '#libs/protocol';
import { Watchdog } from './watchdog.ts';
import { LinuxWatchdog, type WatchdogDevice } from './watchdog-device.ts';

const LEASE_TTL_MS = 3_000;

/** Acts as a driver would: what was done to it, in order. */
class PaperDevice implements WatchdogDevice {
  readonly acts: string[] = [];
  absent = false;
  /** The shortest timeout that it can do. */
  leastSeconds = 1;

  open(): void {
    if (this.absent) throw new Error('ENOENT: no such device');
    this.acts.push('open');
  }

  setTimeout(seconds: number): number | null {
    const inForce = Math.max(seconds, this.leastSeconds);
    this.acts.push(`timeout ${inForce}`);
    return inForce;
  }

  pet(): void {
    this.acts.push('pet');
  }

  disarm(): void {
    if (this.acts.includes('open')) this.acts.push('V');
  }
}

function watchdogOn(device: WatchdogDevice, settings: Partial<WatchdogSettings> = {}) {
  const said: string[] = [];
  const say = (message: string): void => {
    said.push(message);
  };
  const all = {
    mode: 'required',
    device: '/dev/watchdog',
    safetyMarginMs: 500,
    ...settings,
  } as const;
  const parts = {
    device,
    leaseTtlMs: () => LEASE_TTL_MS,
    log: { info: say, warn: say, error: say },
  };
  return { watchdog: new Watchdog(all, parts), said };
}

/** Tried when the guard begins, and what was done since. */
function begun(settings: Partial<WatchdogSettings> = {}) {
  const device = new PaperDevice();
  const { watchdog, said } = watchdogOn(device, settings);
  watchdog.begin();
  device.acts.length = 0;
  return { device, watchdog, said };
}

describe('a watchdog', () => {
  it('1 is opened before PostgreSQL becomes a primary, with a timeout inside the lease, and fed', () => {
    const { device, watchdog } = begun();
    expect(watchdog.arm(2_900)).toBeNull();
    watchdog.feed(2_990);
    expect(device.acts).toEqual(['open', 'timeout 2', 'pet', 'pet']);
  });

  it('2 is closed with the magic character once PostgreSQL is down, and fed no more', () => {
    const { device, watchdog } = begun();
    watchdog.arm(2_900);
    watchdog.disarm();
    watchdog.feed(2_990);
    expect(device.acts).toEqual(['open', 'timeout 2', 'pet', 'V']);
  });

  it('3 is left alone by an agent that comes and goes: only renewals feed it', () => {
    const { device, watchdog } = begun();
    watchdog.arm(2_900);
    expect(watchdog.arm(2_900)).toBeNull();
    expect(device.acts).toEqual(['open', 'timeout 2', 'pet']);
  });

  it('4 fires before the lease is over when the guard hangs: an answer that came late does not feed it', () => {
    const { device, watchdog } = begun();
    watchdog.arm(2_900);
    watchdog.feed(2_500);
    watchdog.feed(2_499);
    expect(device.acts.filter((act) => act === 'pet')).toHaveLength(2);
  });

  it('5 that a dead guard left running is stopped by the next one', () => {
    const device = new PaperDevice();
    watchdogOn(device).watchdog.begin();
    expect(device.acts).toEqual(['open', 'timeout 2', 'V']);
  });

  it('that is off is never touched', () => {
    const device = new PaperDevice();
    const { watchdog } = watchdogOn(device, { mode: 'off' });
    watchdog.begin();
    expect(watchdog.arm(2_900)).toBeNull();
    watchdog.feed(2_900);
    watchdog.disarm();
    expect(device.acts).toEqual([]);
  });

  it.each([
    {
      given: 'absent',
      spoil: (device: PaperDevice) => {
        device.absent = true;
      },
      says: /no such device/,
    },
    {
      given: 'too slow',
      spoil: (device: PaperDevice) => {
        device.leastSeconds = 10;
      },
      says: /10000 ms/,
    },
  ])('that is required and $given allows no primary, and says why', ({ spoil, says }) => {
    const device = new PaperDevice();
    spoil(device);
    const { watchdog, said } = watchdogOn(device);
    watchdog.begin();
    expect(watchdog.refusal()).toMatch(says);
    expect(watchdog.arm(2_900)).toMatch(says);
    expect(device.acts).not.toContain('pet');
    expect(said).toContain('watchdog not usable');
    // It is tried again before each lease.
    device.absent = false;
    device.leastSeconds = 1;
    expect(watchdog.refusal()).toBeNull();
    expect(watchdog.arm(2_900)).toBeNull();
    expect(device.acts.at(-1)).toBe('pet');
  });

  it('that is automatic and absent is done without, with a warning', () => {
    const device = new PaperDevice();
    device.absent = true;
    const { watchdog, said } = watchdogOn(device, { mode: 'automatic' });
    watchdog.begin();
    expect(watchdog.refusal()).toBeNull();
    expect(watchdog.arm(2_900)).toBeNull();
    expect(watchdog.armed).toBe(false);
    expect(said).toContain('watchdog not usable');
  });

  it('is written to as the kernel wants it', () => {
    const directory = mkdtempSync(join(tmpdir(), 'watchdog-'));
    try {
      const path = join(directory, 'device');
      writeFileSync(path, '');
      const device = new LinuxWatchdog(path);
      device.open();
      // A file is no watchdog: it has no timeout that could be trusted.
      expect(device.setTimeout(2)).toBeNull();
      device.pet();
      device.pet();
      device.disarm();
      expect(readFileSync(path, 'utf8')).toBe('\0\0V');
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
