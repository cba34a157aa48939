import { describe, expect, it } from 'vitest';
import { fuseArgv, isFuseOf } from './fuse-script.ts';

describe('the command line of a fuse', () => {
  const title = ['bash', ...fuseArgv('/srv/a b/data', 123_450)].join(' ');

  it.each([
    { directory: '/srv/a b/data', title, is: true },
    { directory: '/srv/a b', title, is: false },
    { directory: '/srv/a b/data2', title, is: false },
    { directory: '/srv/a b/data', title: 'tail -f matriarch-fuse /srv/a b/data x', is: false },
  ])('of $directory: $is', ({ directory, title: shown, is }) => {
    expect(isFuseOf(directory, shown)).toBe(is);
  });
});
