import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { problemsOf } from './config-text.fixture.ts';
import { loadAgentConfig } from './load.ts';
import { readTlsFiles } from './tls-files.ts';

describe('files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'config-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('that are not there are named', () => {
    const path = join(directory, 'none.yaml');
    const line = `cannot read configuration ${path}: there is no such file`;
    expect(problemsOf(() => loadAgentConfig(path))).toEqual([line]);
    expect(problemsOf(() => loadAgentConfig(directory))[0]).toMatch(/it is a directory$/);
  });

  it('that should be PEM are named when they are missing or something else', () => {
    const paths = { ca: join(directory, 'ca.crt'), certificate: '-', key: '-' };
    expect(problemsOf(() => readTlsFiles(paths))[0]).toMatch(
      /^cannot use the certificate authority .*ca.crt: there is no such file: make it with/,
    );
    writeFileSync(paths.ca, 'hello');
    expect(problemsOf(() => readTlsFiles(paths))[0]).toMatch(
      /it holds no PEM block "CERTIFICATE"$/,
    );
  });
});
