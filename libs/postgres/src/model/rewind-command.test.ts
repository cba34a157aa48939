import { describe, expect, it } from 'vitest';
import { rewindArgv, rewindCopyBytes } from './rewind-command.ts';
import { parseServerVersion } from './server-version.ts';

const MIB = 1_048_576;

describe('a rewind that only looks', () => {
  const request = {
    binDirectory: '/bin',
    version: parseServerVersion('15.18'),
    dataDirectory: '/data',
    source: { host: 'pg2' },
  };

  it('is told so, and no other is', () => {
    expect(rewindArgv({ ...request, dryRun: true })).toContain('--dry-run');
    expect(rewindArgv(request)).not.toContain('--dry-run');
  });

  it.each([
    ['pg_rewind: need to copy 57 MB (total source directory size is 71 MB)', 58 * MIB],
    ['pg_rewind: need to copy 0 MB (total source directory size is 71 MB)', MIB],
    ['pg_rewind: rewinding from last common checkpoint at 0/5000060 on timeline 1', null],
  ])('says how much it would copy at most: %s', (line, bytes) => {
    expect(rewindCopyBytes(line)).toBe(bytes);
  });
});
