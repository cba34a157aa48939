/** Rules of alerts are what Prometheus takes, name metrics that are exported, and runbooks that are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run } from '#libs/process';

const ROOT = resolve(import.meta.dirname, '../../..');
const RULES = join(ROOT, 'deploy/prometheus');

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook?: string };
};
type RuleFile = { readonly groups: readonly { readonly rules: readonly Rule[] }[] };

const ruleFiles = readdirSync(RULES).filter((name) => name.endsWith('.rules.yaml'));
const rules = ruleFiles
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

async function promtool(...words: string[]): Promise<{ exitCode: number; said: string }> {
  const { exitCode, stdout, stderr } = await run(['promtool', ...words], {
    timeoutMs: 30_000,
    acceptExitCodes: [0, 1, 3],
  });
  return { exitCode, said: `${stdout}${stderr}` };
}

describe.each(ruleFiles)('%s', (name) => {
  it('is taken by Prometheus', async () => {
    const { exitCode, said } = await promtool('check', 'rules', '--lint-fatal', join(RULES, name));
    expect(exitCode, said).toBe(0);
  });

  it('fires when its tests say so, and not before', async () => {
    const tests = join(RULES, name.replace('.rules.', '.test.'));
    const { exitCode, said } = await promtool('test', 'rules', tests);
    expect(exitCode, said).toBe(0);
  });

  it('has no alert without a test', () => {
    const tests = readFileSync(join(RULES, name.replace('.rules.', '.test.')), 'utf8');
    const { groups } = parse(readFileSync(join(RULES, name), 'utf8')) as RuleFile;
    for (const { alert } of groups.flatMap(({ rules: ours }) => ours)) {
      expect(tests).toContain(`alertname: ${alert}\n`);
    }
  });
});
