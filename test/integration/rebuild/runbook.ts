import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const RUNBOOKS = join(import.meta.dirname, '../../../docs/runbooks');

/** One line of a session: who types, and what. */
export type Typed = { readonly at: string; readonly command: string };

/** What a runbook tells its reader to type and to write, so that a test can follow it. */
export class Runbook {
  readonly #text: string;

  constructor(
    readonly name: string,
    text = readFileSync(join(RUNBOOKS, `${name}.md`), 'utf8'),
  ) {
    this.#text = text;
  }

  /** Commands in the text, in their order, that begin with a program's name. */
  commands(program: string): readonly string[] {
    const spans = [...this.#text.matchAll(/`([^`]+)`/g)].map(([, command = '']) => command);
    return spans.filter((command) => command.startsWith(`${program} `));
  }

  /** Indented lines of their own that begin so, in their order. */
  lines(beginning: string): readonly string[] {
    const lines = [...this.#text.matchAll(/^ {4,}(\S.*)$/gm)].map(([, line = '']) => line);
    return lines.filter((line) => line.startsWith(`${beginning} `));
  }

  /** Indented lines with a prompt, `postgres@db1$ ls`, in their order. */
  sessions(): readonly Typed[] {
    const lines = [...this.#text.matchAll(/^ {4,}(\S*)\$ (.+)$/gm)];
    return lines.map(([, at = '', command = '']) => ({ at, command }));
  }

  /** What stands below the heading of that name, up to the next one. */
  part(heading: string): Runbook {
    const [, rest] = this.#text.split(`\n## ${heading}\n`);
    if (rest === undefined) throw new Error(`runbook ${this.name} has no part '${heading}'`);
    return new Runbook(`${this.name}: ${heading}`, rest.split('\n## ')[0]);
  }

  /** The indented block whose first line is `first`, without its indentation. */
  block(first: string): string {
    const lines = this.#text.split('\n');
    const begin = lines.findIndex((line) => line.trim() === first && /^ {4}/.test(line));
    if (begin < 0) throw new Error(`runbook ${this.name} has no block that begins with '${first}'`);
    const indent = /^ */.exec(lines[begin] ?? '')?.[0] ?? '';
    const block: string[] = [];
    for (const line of lines.slice(begin)) {
      if (line !== '' && !line.startsWith(indent)) break;
      block.push(line.slice(indent.length));
    }
    return `${block.join('\n').trimEnd()}\n`;
  }
}
