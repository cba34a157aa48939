import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ownVersion } from './own-version.ts';

it('is that of package.json, from however far below, and not that of one without any', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(ownVersion()).toBe(version);
  const directory = mkdtempSync(join(tmpdir(), 'own-version-'));
  const below = join(directory, 'dist', 'apps');
  mkdirSync(below, { recursive: true });
  expect(ownVersion(below)).toBe('unknown');
  writeFileSync(join(directory, 'package.json'), '{ "version": "7.8.9" }');
  writeFileSync(join(directory, 'dist', 'package.json'), '{ "type": "module" }');
  expect(ownVersion(below)).toBe('7.8.9');
  rmSync(directory, { recursive: true });
});
