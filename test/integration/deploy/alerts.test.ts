/** Rules of alerts name metrics that an agent exports, and runbooks that are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../../..');
const RULES = join(ROOT, 'deploy/prometheus');

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook?: string };
};
type RuleFile = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };

const rules = readdirSync(RULES)
  .filter((name) => name.endsWith('.rules.yaml'))
  .flatMap((name) => (parse(readFileSync(join(RULES, name), 'utf8')) as RuleFile).groups)
  .flatMap((group) => group.rules);

function sources(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(ROOT, directory, name), 'utf8'));
}

const exported = [...sources('apps'), ...sources('libs/observability/src')].join('\n');

it.each(rules)('$alert asks for what is exported', ({ expr, annotations }) => {
  const names = expr.match(/matriarch_[a-z_]+/g) ?? [];
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(exported).toContain(`'${name}'`);
  const { runbook } = annotations;
  if (runbook !== undefined) expect(existsSync(join(ROOT, runbook))).toBe(true);
});
