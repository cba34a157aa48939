import { ApiClient } from './api/api-client.ts';
import { type ApiOptions, apiTarget } from './api/api-target.ts';
import { type OutputFormat, openTerminal, type Terminal } from './terminal.ts';

/** What every verb is given. */
export type Context = {
  readonly terminal: Terminal;
  /** Made at the first use: verbs that ask no controller need no address. */
  readonly client: () => ApiClient;
};

export type GlobalOptions = ApiOptions & { readonly output: OutputFormat };

export function contextOf(options: GlobalOptions): Context {
  let client: ApiClient | null = null;
  return {
    terminal: openTerminal(options.output),
    client: () => {
      client ??= new ApiClient(apiTarget(options, process.env));
      return client;
    },
  };
}
