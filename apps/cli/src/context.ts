import type { ApiClient } from './api/api-client.ts';
import type { ApiOptions } from './api/api-target.ts';
import { type OutputFormat, openTerminal, type Terminal } from './terminal.ts';

/** What every verb is given. */
export type Context = {
  readonly terminal: Terminal;
  /** Made at the first use: verbs that ask no controller need no address, and none of its code. */
  readonly client: () => Promise<ApiClient>;
};

export type GlobalOptions = ApiOptions & { readonly output: OutputFormat };

export function contextOf(options: GlobalOptions): Context {
  const terminal = openTerminal(options.output);
  return { terminal, client: () => openClient(options, terminal) };
}

async function openClient(options: GlobalOptions, { note }: Terminal): Promise<ApiClient> {
  const { ApiClient } = await import('./api/api-client.ts');
  const { apiTarget } = await import('./api/api-target.ts');
  return new ApiClient(apiTarget(options, process.env), undefined, note);
}
