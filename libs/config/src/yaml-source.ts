import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigSyntaxError } from './config-error.ts';

/** A YAML file as values, and the line of each. */
export class YamlSource {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly value: unknown;

  /** @throws ConfigSyntaxError */
  constructor(
    readonly file: string,
    text: string,
  ) {
    this.#lines = new LineCounter();
    const options = { lineCounter: this.#lines, prettyErrors: false };
    this.#document = parseDocument(text, options);
    const problems = this.#document.errors.map((error) => {
      const { line } = this.#lines.linePos(error.pos[0]);
      return `${file} line ${line} is not valid YAML: ${lowerFirst(error.message)}`;
    });
    if (problems.length > 0) throw new ConfigSyntaxError(file, problems);
    this.value = this.#toValue();
    if (!isMap(this.#document.contents)) {
      throw new ConfigSyntaxError(file, [
        `${file} holds no keys: \`matriarch config example\` shows a file`,
      ]);
    }
  }

  /** The line of the key at `path`, or of the nearest key around it that is there; 1 for the root. */
  lineOf(path: readonly PropertyKey[]): number {
    let node: unknown = this.#document.contents;
    let offset = 0;
    for (const step of path) {
      const found = entryAt(node, step);
      if (found === null) break;
      offset = found.offset;
      node = found.value;
    }
    return this.#lines.linePos(offset).line;
  }

  #toValue(): unknown {
    try {
      return this.#document.toJS({ maxAliasCount: 100 });
    } catch (cause) {
      if (!(cause instanceof ReferenceError)) throw cause;
      throw new ConfigSyntaxError(this.file, [`${this.file} is not valid YAML: ${cause.message}`]);
    }
  }
}

function entryAt(node: unknown, step: PropertyKey): { offset: number; value: unknown } | null {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    if (pair === undefined) return null;
    return { offset: offsetOf(pair.key), value: pair.value };
  }
  if (isSeq(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? null : { offset: offsetOf(item), value: item };
  }
  return null;
}

function offsetOf(node: unknown): number {
  return (node as Node).range?.[0] ?? 0;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
