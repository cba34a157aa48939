import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KeptOutFile } from './kept-out-file.ts';

it('clients stay out, or in, when the agent is restarted meanwhile (12)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kept-out-'));
  try {
    expect(new KeptOutFile(directory).keptOut).toBe(false);
    new KeptOutFile(directory).keep(true);
    expect(new KeptOutFile(directory).keptOut).toBe(true);
    new KeptOutFile(directory).keep(false);
    expect(new KeptOutFile(directory).keptOut).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
