/**
 * `docs/rules.md`: every rule by name, and how an agent reaches each goal. It is written from the code by
 * `REWRITE=1 npx vitest run --project tidy tools/rules-document.test.ts`, and fails when it is stale.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REFUSALS } from '#libs/api';
import { agentTables } from './rules/agent-walks.ts';
import { DECISIONS, ORDERS } from './rules/decisions.ts';

const DOCUMENT = 'docs/rules.md';
const RULES = 'libs/cluster/src/decide';
/** Rules that other processes ask. */
const ELSEWHERE = [
  'libs/leader/src/expiry-watch.ts',
  'libs/leader/src/releases.ts',
  'apps/controller/src/cluster/command-handler.ts',
  'apps/controller/src/cluster/judge-configuration.ts',
  'apps/controller/src/cluster/access-refusals.ts',
  'libs/postgres/src/model/parameter-catalog.ts',
];

function document(): string {
  return [
    '# Rules: what is decided, what is refused, and what an agent does',
    '',
    'Written from the code: `REWRITE=1 npx vitest run --project tidy tools/rules-document.test.ts`.',
    '',
    'Every event names its cause: `matriarch events` shows the rule. Look it up here. Why nothing happens says `matriarch explain`, with',
    'the names of the second table.',
    '',
    '## Decisions of the leading controller',
    '',
    'Asked in this order at every report and every 100 ms; the first that answers decides. In pause those that move a primary are not asked.',
    '',
    '| Rule | When | What happens | Why so |',
    '|---|---|---|---|',
    ...DECISIONS.map(
      ({ rule, when, happens, why }) => `| \`${rule}\` | ${when} | ${happens} | ${why} |`,
    ),
    '',
    '| Cause | What an operator ordered |',
    '|---|---|',
    ...ORDERS.map(({ rule, order }) => `| \`${rule}\` | ${order} |`),
    '',
    '## What stands against it',
    '',
    'With value and limit in the event, in `explain`, and in the error of a command.',
    '',
    '| Reason | What it means | What helps |',
    '|---|---|---|',
    ...REFUSALS.map(({ rule, means, help }) => `| \`${rule}\` | ${means} | ${help} |`),
    '',
    '## How an agent reaches its goal',
    '',
    'The goal follows from the events alone; the agent compares it with what it finds and takes the next step, as long as it takes.',
    'Epochs, names and timelines are those of an example (epoch 2, `pg1`, timeline 2).',
    '',
    ...agentTables(),
  ].join('\n');
}

describe('docs/rules.md', () => {
  it('is what the code says', { timeout: 60_000 }, () => {
    const written = `${document().trimEnd()}\n`;
    if (process.env['REWRITE'] === '1') writeFileSync(DOCUMENT, written);
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(written);
  });

  it('names every rule of the code, and no other', () => {
    const files = readdirSync(RULES, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => join(RULES, name));
    const names = [...files, ...ELSEWHERE].flatMap((path) =>
      [
        ...readFileSync(path, 'utf8').matchAll(
          /(?:\brule: |\b(?:refused|because|against|no|decided|lineRefusal)\(\s*)'([a-z-]+)'/g,
        ),
      ].map((match) => match[1] ?? ''),
    );
    const told = [...DECISIONS, ...ORDERS, ...REFUSALS].map(({ rule }) => rule);
    expect(new Set(told).size).toBe(told.length);
    const expected = told.filter((rule) => rule !== 'refuse-*').sort();
    expect([...new Set(names)].sort()).toEqual(expected);
  });
});
