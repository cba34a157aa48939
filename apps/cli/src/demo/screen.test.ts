import { describe, expect, it } from 'vitest';
import { type DemoView, frame, screenLines } from './screen.ts';
import { painted, type TextLine } from './text-line.ts';

const view: DemoView = {
  cluster: 'demo',
  directory: '/tmp/matriarch-abcdef',
  upSeconds: 83,
  controllers: [
    { name: 'c1', role: 'follower' },
    { name: 'c2', role: 'leader' },
    { name: 'c3', role: 'down' },
  ],
  instances: ['pg1', 'pg2', 'pg3'].map((name, index) => ({
    name,
    role: index === 0 ? 'primary' : 'standby',
    state: index === 0 ? 'serving' : 'streaming from pg1',
    timeline: '2',
    lag: index === 0 ? '-' : '0 B',
    lease: index === 0 ? 'epoch 3' : '-',
    healthy: true,
  })),
  client: {
    acknowledged: 12_345,
    host: 'pg1',
    openGapMs: 11.4,
    worstGapMs: 243.2,
    lastFaultGapMs: null,
    dual: 0,
    lost: 0,
  },
  events: Array.from({ length: 30 }, (_, index) => `12:00:${index + 10} SomethingHappened`),
  message: 'pg1: postmaster killed',
};

function text(lines: readonly TextLine[]): string[] {
  return lines.map((line) => line.map((segment) => segment.text).join(''));
}

describe('the screen', () => {
  it('fills 80x24 exactly, with the newest events and the keys', () => {
    const lines = text(screenLines(view, 24));
    expect(lines).toHaveLength(24);
    expect(lines.join('\n')).toContain('12:00:39 SomethingHappened');
    expect(lines.at(-1)).toContain('q quit');
    expect(lines.at(-3)).toContain('pg1: postmaster killed');
    for (const line of lines) expect(line.trimEnd().length, line).toBeLessThanOrEqual(80);
  });

  it('tells what the client sees', () => {
    const all = text(screenLines(view, 24)).join('\n');
    expect(all).toContain('12,345 rows acknowledged, the last one by pg1');
    expect(all).toContain('gap 11 ms');
    expect(all).toContain('worst 243 ms   dual 0   lost 0');
  });

  it.each([{ rows: 24 }, { rows: 12 }, { rows: 50 }])('never has more than $rows lines', (size) => {
    expect(screenLines(view, size.rows).length).toBeLessThanOrEqual(size.rows);
  });

  it('is drawn in one piece, from the top, without clearing first', () => {
    const drawn = frame(view, { columns: 80, rows: 24 });
    expect(drawn.startsWith('\u001b[H')).toBe(true);
    expect(drawn).not.toContain('\u001b[2J');
    expect(drawn.split('\r\n')).toHaveLength(24);
  });
});

it('a line is cut at the width of the terminal, paint not counted', () => {
  const loud = (part: string): string => `<${part}>`;
  expect(
    painted(
      [
        { text: 'abc', paint: loud },
        { text: 'def', paint: loud },
      ],
      4,
    ),
  ).toBe('<abc><d>');
  expect(painted([{ text: 'abcd' }, { text: 'e', paint: loud }], 4)).toBe('abcd');
});
