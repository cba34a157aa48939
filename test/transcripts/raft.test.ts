import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RaftGroup } from './raft-group.ts';
import { parseScript, replay } from './script.ts';

/** REWRITE=1 writes the trace of today: read the difference before it is committed. */
const rewrite = process.env['REWRITE'] === '1';
const folder = import.meta.dirname;
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

describe('transcripts of the consensus machine', () => {
  it('cover the situations that other implementations got wrong', () => {
    expect(files.length).toBeGreaterThanOrEqual(30);
  });

  it('are named in docs/testing.md, each with what it shows', () => {
    const table = readFileSync(join(folder, '../../docs/testing.md'), 'utf8');
    const section = table.split('## Which transcript shows what')[1]?.split('\n## ')[0] ?? '';
    const named = new Set(section.match(/[a-z0-9-]+/g));
    expect(
      files.map((file) => file.slice(0, -'.txt'.length)).filter((name) => !named.has(name)),
    ).toEqual([]);
  });

  it.each(files)('%s', (file) => {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const group = new RaftGroup();
    const now = replay(parseScript(text), (command) => group.run(command));
    if (rewrite) writeFileSync(path, now);
    else expect(now).toBe(text);
  });
});
