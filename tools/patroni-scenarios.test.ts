/** The tests that the tables of Patroni's scenarios name are there, by these names. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const DOCUMENTS = ['docs/patroni-scenarios.md', 'docs/patroni-scenarios-replication.md'];
/** A file, or the name of a test or of a planted bug in the last file before it. */
const NAMED = /`((?:apps|libs|test|tools)\/[^`]+\.ts)`|"([^"]+)"/g;

it.each(DOCUMENTS)('%s names tests that are there', (document) => {
  const rows = readFileSync(document, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const missing: string[] = [];
  let named = 0;
  let text = '';
  for (const row of rows) {
    const [, scenario = '', tests = ''] = row.split('|');
    for (const [, file, name] of tests.matchAll(NAMED)) {
      named += 1;
      if (file !== undefined && !existsSync(file)) missing.push(`${scenario.trim()}: ${file}`);
      else if (file !== undefined) text = readFileSync(file, 'utf8');
      else if (name !== undefined && !isIn(text, name)) missing.push(`${scenario.trim()}: ${name}`);
    }
  }
  expect(missing).toEqual([]);
  expect(named).toBeGreaterThan(50);
});

/** As it stands there, or made of a row: `$what` and `%s` are any words. */
function isIn(text: string, name: string): boolean {
  if (text.includes(name)) return true;
  const titles = [...text.matchAll(/\(\s*'([^'\n]*(?:\$\w|%[a-z])[^'\n]*)'/g)];
  return titles.some(([, title = '']) => {
    const words = title
      .split(/\$[\w.]+|%[a-z]/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${words.join('.+')}$`).test(name);
  });
}
