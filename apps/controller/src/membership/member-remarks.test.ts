import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memberRemarks } from './member-remarks.ts';

const RULES = join(import.meta.dirname, '../../../../deploy/prometheus/controllers.rules.yaml');
const ampleDisk = { availableBytes: 200_000_000, nearlyFull: false };

describe('what is wrong with a controller', () => {
  it('is nothing while its disk has space and its directory has its seat', () => {
    expect(memberRemarks('c2', { disk: ampleDisk })).toEqual([]);
    expect(memberRemarks('c2', { disk: null })).toEqual([]);
  });

  it('is a disk with little space, from where the alert begins', () => {
    const [remark, ...others] = memberRemarks('c2', {
      disk: { ...ampleDisk, availableBytes: 199_999_999 },
    });
    expect(remark).toBe('191 MB are left on the disk of c2: free space');
    expect(others).toEqual([]);
    expect(readFileSync(RULES, 'utf8')).toContain('matriarch_disk_available_bytes < 200000000');
  });

  it('is a disk that refuses what grows, whatever it has left by now', () => {
    expect(memberRemarks('c2', { disk: { ...ampleDisk, nearlyFull: true } })).toEqual([
      '191 MB are left on the disk of c2: what grows is refused while it leads, leases and failovers go on; ' +
        'free space until 48 MB are',
    ]);
  });

  it('is a disk that was nearly full when it was last heard: that may be why it is away', () => {
    const disk = { availableBytes: 64 * 1_024, nearlyFull: true };
    expect(memberRemarks('c2', { disk, away: true })).toEqual([
      '64 kB were left on the disk of c2 when it was last heard: ' +
        'free space, then start it if its process has ended',
    ]);
    expect(memberRemarks('c2', { disk: { ...disk, nearlyFull: false }, away: true })).toEqual([]);
  });

  it('is a seat of another directory, or of none, and how it gets out of that', () => {
    const replace = '`matriarch controllers replace c2 --by NEW --address HOST:PORT`';
    const [stray] = memberRemarks('c2', { stray: true, disk: ampleDisk });
    expect(stray).toContain('c2 was started on another directory');
    expect(stray).toContain(replace);
    const lost = memberRemarks('c2', { seatLost: true, stray: true, disk: null });
    expect(lost).toEqual([`c2 lost what it had acknowledged and is heard no more: ${replace}`]);
  });
});
