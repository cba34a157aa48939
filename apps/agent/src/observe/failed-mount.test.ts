import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { whyMountFailed } from './failed-mount.ts';

/** Captured on Linux 6.18 before and after `trigger_fs_error`, and after EXT4_IOC_SHUTDOWN. */
const ROOT = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw';
const WELL = '43 27 7:0 / /data rw,relatime - ext4 /dev/loop0 rw,errors=remount-ro';
const FAILED = '43 27 7:0 / /data rw,relatime - ext4 /dev/loop0 rw,errors=remount-ro,emergency_ro';
const SHUT_DOWN = '43 27 7:0 / /data rw,relatime shared:7 - ext4 /dev/loop0 rw,shutdown';
const LOOP_0 = 1_792;
const VDA = 65_024;

it('a file system that gave up writing is named, whatever the mount says', () => {
  expect(whyMountFailed(LOOP_0, `${ROOT}\n${FAILED}\n`)).toContain('(emergency_ro)');
  expect(whyMountFailed(LOOP_0, `${ROOT}\n${SHUT_DOWN}\n`)).toContain('(shutdown)');
});

it('one that is well, or another than the one asked for, is no reason', () => {
  expect(whyMountFailed(LOOP_0, `${ROOT}\n${WELL}\n`)).toBeNull();
  expect(whyMountFailed(VDA, `${ROOT}\n${FAILED}\n`)).toBeNull();
  expect(whyMountFailed(statSync('/').dev)).toBeNull();
});
