import { expect } from 'vitest';
import { configExample } from './config-example.ts';
import { parseAgentConfig } from './load.ts';

/** The sections that no cluster file goes without. */
export const CLUSTER_USERS =
  'superuser: {username: a}\nreplication: {username: b, password: x}\nrewind: {username: c}';

/** The problems that a reader names, one a line of its message. */
export function problemsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return ['nothing was refused'];
}

/** Reads the example of agent.yaml with one place of it changed. */
export function agentWith(from: string | RegExp, to: string): () => unknown {
  const text = configExample('agent');
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  return () => parseAgentConfig(changed, '/etc/matriarch/agent.yaml');
}
