import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { EMPTY_MEMORY } from '#libs/reconcile';
import { ActedMemoryFile } from './acted-memory-file.ts';

it('what is not durable is not remembered, and the refusal names the file and the way out', () => {
  const directory = mkdtempSync(join(tmpdir(), 'acted-'));
  const file = new ActedMemoryFile(directory);
  rmSync(directory, { recursive: true });
  const keep = (): void => file.keep({ ...EMPTY_MEMORY, version: 7 });
  expect(keep).toThrow(`${join(directory, 'acted.json')} cannot be written (ENOENT`);
  expect(keep).toThrow('make room on its disk, or mend the rights');
  expect(file.memory).toEqual(EMPTY_MEMORY);
});
