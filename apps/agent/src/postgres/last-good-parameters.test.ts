import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentConfig, guardPaths } from '#libs/config';
import { LastGoodParameters, reasonIn } from './last-good-parameters.ts';

let stateDirectory: string;
let config: AgentConfig;

beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'matriarch-state-'));
  config = { stateDirectory } as AgentConfig;
  const log = guardPaths({ stateDirectory }).postgresLog;
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, '2026-11-26 10:00:00 UTC [1] FATAL:  could not access file "nothing"\n');
});

afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

const good = { work_mem: '4MB' };
const bad = { shared_preload_libraries: 'nothing' };

function served(): LastGoodParameters {
  const parameters = new LastGoodParameters(config);
  parameters.starting(1, good, null);
  parameters.served();
  return parameters;
}

describe('parameters with which PostgreSQL ends at its start', () => {
  it('are set aside with the reason, until another revision comes', () => {
    const parameters = served();
    parameters.starting(2, bad, 'fast stop ordered');
    expect(parameters.choose(2, bad)).toEqual(bad);
    parameters.starting(2, bad, 'exit code 1');
    expect(parameters.choose(2, bad)).toEqual(good);
    expect(parameters.problem).toContain('FATAL: could not access file "nothing"');
    parameters.served();
    expect(parameters.choose(3, { work_mem: '8MB' })).toEqual({ work_mem: '8MB' });
    expect(parameters.problem).toBeNull();
  });

  it('are tried again when a restart is ordered, and set aside again if they still do not do', () => {
    const parameters = served();
    parameters.starting(2, bad, null);
    parameters.starting(2, bad, 'exit code 1');
    parameters.served();
    expect(parameters.problem).toContain('`matriarch restart --pending`');
    parameters.tryAgain();
    parameters.starting(2, bad, 'fast stop ordered');
    expect(parameters.choose(2, bad)).toEqual(bad);
    expect(parameters.rejected).toBeNull();
    parameters.starting(2, bad, 'exit code 1');
    expect(parameters.rejected).toMatchObject({ revision: 2 });
    expect(parameters.choose(2, bad)).toEqual(good);
  });

  it('are known after a restart of the agent', () => {
    served();
    const parameters = new LastGoodParameters(config);
    parameters.starting(2, bad, null);
    parameters.starting(2, bad, 'exit code 1');
    expect(parameters.choose(2, bad)).toEqual(good);
  });

  it('that worked before are not blamed for an end with another reason, which is told', () => {
    const parameters = served();
    parameters.starting(1, good, 'signal SIGKILL');
    expect(parameters.problem).toBeNull();
    parameters.starting(1, good, 'exit code 1');
    expect(parameters.rejected).toBeNull();
    expect(parameters.problem).toMatch(
      /^PostgreSQL does not start \(FATAL: could not access file "nothing"\): see .*\.log$/,
    );
    parameters.served();
    expect(parameters.problem).toBeNull();
  });

  it('are tried again when what worked before does not start either', () => {
    const parameters = served();
    parameters.starting(2, bad, null);
    parameters.starting(2, bad, 'exit code 1');
    expect(parameters.choose(2, bad)).toEqual(good);
    parameters.starting(2, bad, 'exit code 1');
    expect(parameters.choose(2, bad)).toEqual(bad);
  });

  it('are not blamed for a stop by signal', () => {
    const parameters = served();
    parameters.starting(2, bad, null);
    parameters.starting(2, bad, 'signal SIGKILL');
    expect(parameters.problem).toBeNull();
  });
});

it('the reason is the last fatal line', () => {
  const log = 'a FATAL:  first\nb LOG:  something\nc FATAL:  second\nd LOG:  end\n';
  expect(reasonIn(log)).toBe('FATAL: second');
  expect(reasonIn('')).toBe('it gave no reason');
  const taken = [
    'a LOG:  could not bind IPv4 address "127.0.0.1": Address already in use',
    'a HINT:  Is another postmaster already running on port 5432? If not, wait a few seconds and retry.',
    'a WARNING:  could not create listen socket for "127.0.0.1"',
    'a FATAL:  could not create any TCP/IP sockets',
  ];
  expect(reasonIn(taken.join('\n'))).toBe(
    'FATAL: could not create any TCP/IP sockets: could not bind IPv4 address "127.0.0.1": Address already in use',
  );
});
