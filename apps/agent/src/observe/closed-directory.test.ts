import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Installation } from '#libs/postgres-run';
import { examineDirectory } from './data-directory.ts';

const installation = { binDirectory: '/nowhere', version: { major: 15, minor: 0 } };
const NOBODY = 65_534;
const OTHER = 65_533;

let parent: string;
let data: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'closed-'));
  data = join(parent, 'data');
  mkdirSync(data);
  writeFileSync(join(data, 'PG_VERSION'), '15\n');
  chmodSync(parent, 0o755);
});
afterEach(() => rmSync(parent, { recursive: true }));

async function seenAsNobody() {
  process.seteuid?.(NOBODY);
  try {
    return await examineDirectory(installation as Installation, data);
  } finally {
    process.seteuid?.(0);
  }
}

it.skipIf(process.getuid?.() !== 0)(
  'a directory that was given to another user is named as such, with the way out',
  async () => {
    chmodSync(data, 0o777);
    chownSync(data, OTHER, OTHER);
    expect(await seenAsNobody()).toEqual({
      kind: 'unusable',
      why: `data directory ${data}: it belongs to uid ${OTHER}, PostgreSQL runs here as uid ${NOBODY}: give it back (chown)`,
    });
  },
);

it.skipIf(process.getuid?.() !== 0)('one that may not be entered is unusable', async () => {
  chownSync(data, NOBODY, NOBODY);
  chmodSync(data, 0o400);
  const seen = await seenAsNobody();
  expect(seen.kind === 'unusable' && seen.why).toContain('EACCES');
});
