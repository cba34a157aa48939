/** The form of the code, checked as a test: size, banned calls, words, and what docs must agree with. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const FILE_LINES_MAX = 400;
const PURE =
  /^libs\/(kernel|raft|cluster|event-store|lease|reconcile|protocol|api)\/|^libs\/postgres\/src\/model\//;
const TEST = /\.test\.tsx?$/;

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));
const sources = tracked.filter((path) => /^(apps|libs|bench|test|tools)\/.*\.tsx?$/.test(path));
const text = new Map(sources.map((path) => [path, readFileSync(path, 'utf8')]));

const COMMENT = /^\s*(\*|\/\/|\/\*)/;

/** `path:line: what` for each line of code that matches. */
function hits(pattern: RegExp, where: (path: string) => boolean): string[] {
  return [...text].flatMap(([path, content]) => {
    if (!where(path) || path.startsWith('tools/')) return [];
    return content
      .split('\n')
      .flatMap((line, at) =>
        pattern.test(line) && !COMMENT.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : [],
      );
  });
}

const production = (path: string) => /^(apps|libs)\//.test(path) && !TEST.test(path);

describe('files', () => {
  it(`have at most ${FILE_LINES_MAX} lines`, () => {
    const long = [...text]
      .map(([path, content]) => ({ path, lines: content.split('\n').length }))
      .filter(({ path, lines }) => lines > FILE_LINES_MAX && !TEST.test(path));
    expect(long).toEqual([]);
  });

  it('are not named after nothing', () => {
    const vague = /(^|\/)(utils?|helpers?|managers?|misc|common)(\/|\.|-)/;
    expect(sources.filter((path) => vague.test(path))).toEqual([]);
  });
});

describe('code', () => {
  it.each([
    {
      what: 'clock or chance in a pure library',
      pattern: /\b(Date\.now\(|new Date\(|Math\.random\()/,
    },
    { what: 'await in the consensus machine', pattern: /\bawait\b/, only: /^libs\/raft\/src/ },
  ])('has no $what', ({ pattern, only }) => {
    const where = (path: string) => production(path) && (only ?? PURE).test(path);
    expect(hits(pattern, where)).toEqual([]);
  });

  it.each([
    {
      what: 'swallowed error',
      pattern: /catch *(\(\w*\))? *\{ *\}|\.catch\(\(\) *=> *(\{\}|undefined|null)\)/,
    },
    {
      what: 'hole in the types',
      pattern: /(:|<|\bas) any\b|@ts-ignore|@ts-expect-error|biome-ignore/,
    },
    { what: 'open end', pattern: /\b(TODO|FIXME|XXX|HACK)\b|not implemented/ },
    {
      what: 'word of another vocabulary',
      pattern: /\b(master|slave)\b/i,
      except: /patroni|master'|'\/master/i,
    },
  ])('has no $what', ({ pattern, except }) => {
    const found = hits(pattern, production).filter(
      (hit) => except === undefined || !except.test(hit),
    );
    expect(found).toEqual([]);
  });

  it('has no test that is skipped or alone', () => {
    expect(hits(/\b(it|test|describe)\.(skip|only|todo)\b/, (path) => TEST.test(path))).toEqual([]);
  });
});

describe('documents', () => {
  it('list every error code, and no other', () => {
    const codes = [...text].flatMap(([path, content]) => {
      if (!production(path)) return [];
      return [...content.matchAll(/readonly code = '([A-Z_]+)'/g)].map((match) => match[1]);
    });
    const listed = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `([A-Z_]+)`/gm)];
    expect([...new Set(listed.map((match) => match[1]))].sort()).toEqual(
      [...new Set(codes)].sort(),
    );
  });

  it('explain every dependency', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const explained = readFileSync('docs/dependencies.md', 'utf8');
    const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
      (name) => !explained.includes(`\`${name}\``),
    );
    expect(missing).toEqual([]);
  });

  it('say all that a backup tool touches', () => {
    const map = readFileSync('docs/architecture.md', 'utf8').split('\n');
    const row = map.find((line) => line.startsWith('| What a new backup tool touches')) ?? '';
    const places = [...row.matchAll(/`([^`]+)`/g)].map(([, place = '']) => place);
    expect(places.length).toBeGreaterThan(0);
    const tool = /'(barman|walg)'|\b(barman|walg)\??:|\.(barman|walg)\b/;
    const elsewhere = (path: string) =>
      production(path) && !places.some((place) => path === place || path.startsWith(`${place}/`));
    expect(hits(tool, elsewhere)).toEqual([]);
  });

  it('name only files that exist in the source map', () => {
    const map = readFileSync('docs/architecture.md', 'utf8').split('## Source map')[1] ?? '';
    const named = [...map.matchAll(/`((?:apps|libs|test|bench|tools|deploy|docs)\/[^`*]+)`/g)];
    expect(named.length).toBeGreaterThan(20);
    expect(named.map((match) => match[1] ?? '').filter((path) => !existsSync(path))).toEqual([]);
  });
});
