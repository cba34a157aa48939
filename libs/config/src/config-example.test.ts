import { describe, expect, it } from 'vitest';
import { CONFIG_KINDS, type ConfigKind, configExample } from './config-example.ts';
import { parseAgentConfig, parseClusterFile, parseControllerConfig } from './load.ts';

const PARSERS: Record<ConfigKind, (text: string, path: string) => unknown> = {
  controller: parseControllerConfig,
  agent: parseAgentConfig,
  cluster: parseClusterFile,
};

/** What the programs are given when every key that may be left out is written. */
function everyKey(kind: ConfigKind): string {
  return configExample(kind).replaceAll(/^( *)#(\S)/gm, '$1$2');
}

describe('the example files', () => {
  it.each(CONFIG_KINDS)('of %s are accepted', (kind) => {
    expect(() => PARSERS[kind](configExample(kind), `/etc/${kind}.yaml`)).not.toThrow();
  });

  it.each(CONFIG_KINDS)('of %s are accepted with every key written, and mean the same', (kind) => {
    const given = PARSERS[kind](configExample(kind), `/etc/${kind}.yaml`);
    // The other way into a group stands beside the list of its founders, a restore beside initdb
    // and adoption, one target beside another, an archive that is followed beside a host.
    const text = everyKey(kind)
      .replace(/^join:\n(?: .*\n)+/m, '')
      .replace(/^ {4}(lsn|name|xid): .*\n/gm, '')
      .replace(/^ {2}archive: pgbackrest\n/gm, '')
      .replace(/^ {2}adopt:\n(?: {4}- .*\n)+/m, '')
      .replace(/^ {2}initdbOptions:\n(?: {4}- .*\n)+/m, '');
    const all = PARSERS[kind](text, `/etc/${kind}.yaml`);
    if (kind === 'controller') expect(all).toEqual(given);
    else expect(all).toBeDefined();
  });

  it.each(CONFIG_KINDS)('of %s keep to 100 columns', (kind) => {
    const wide = configExample(kind)
      .split('\n')
      .filter((line) => line.length > 100);
    expect(wide).toEqual([]);
  });
});
