import { describe, expect, it } from 'vitest';
import { readOptions, usage } from './command-line.ts';
import { amount, flag, json, oneOf, someOf, text, wholeNumber, wholeNumbers } from './option.ts';

const COMMAND = {
  command: 'npm run chaos --',
  purpose: 'Random faults.',
  options: {
    minutes: amount('how long', 3),
    seed: wholeNumber('what is drawn', 1),
    runs: wholeNumber('how often', null, 1),
    mode: oneOf('how standbys confirm', ['async', 'sync'], 'async'),
    fault: someOf('which', ['kill', 'stop'], ['kill', 'stop']),
    clients: wholeNumbers('at once', [1, 16]),
    less: json<{ faults?: boolean }>('what a failing seed goes without', {}),
    record: text('where to', null),
    fresh: flag('forget earlier runs'),
  },
};

function read(...argv: readonly string[]) {
  return readOptions(COMMAND, argv);
}

describe('the command line of a long command', () => {
  it('has a value for each option that is not named', () => {
    expect(read()).toEqual({
      ...{ minutes: 3, seed: 1, runs: null, mode: 'async', fault: ['kill', 'stop'] },
      ...{ clients: [1, 16], less: {}, record: null, fresh: false },
    });
  });

  it('reads each kind of value, with a space or an equals sign', () => {
    const argv = ['--minutes', '0.5', '--seed=7', '--mode', 'sync', '--fault', 'stop', '--fresh'];
    expect(read(...argv, '--clients=4,8', '--less', '{"faults":false}', '--record=a.md')).toEqual({
      ...{ minutes: 0.5, seed: 7, runs: null, mode: 'sync', fault: ['stop'], clients: [4, 8] },
      ...{ less: { faults: false }, record: 'a.md', fresh: true },
    });
  });

  it.each([
    ['--minutes', 'abc', "--minutes 'abc': it must be a number above 0"],
    ['--minutes', '0', "--minutes '0': it must be a number above 0"],
    ['--seed', '1.5', "--seed '1.5': it must be a whole number from 0 on"],
    ['--seed', '', "--seed '': it must be a whole number from 0 on"],
    ['--runs', '0', "--runs '0': it must be a whole number from 1 on"],
    ['--mode', 'fast', "--mode 'fast': it must be one of async, sync"],
    ['--fault', 'kill,fire', "--fault 'fire': it must be one of kill, stop"],
    ['--clients', '4,x', "--clients 'x': it must be a whole number from 1 on"],
    ['--less', '7', "--less '7': it must be an object of JSON"],
    ['--less', '{', "--less '{': it must be JSON"],
  ])('refuses %s %j with the value and the rule', (name, value, message) => {
    expect(() => read(`${name}=${value}`)).toThrow(message);
  });

  it('names what it knows when it is asked for something else', () => {
    expect(() => read('--nonsense')).toThrow(/--nonsense.*known are --minutes, --seed/);
    expect(() => read('word')).toThrow(/word/);
  });

  it('asks for help, and explains each option with its default', () => {
    expect(read('--help')).toBe('help');
    expect(usage(COMMAND)).toContain('--minutes N        how long (default 3)');
    expect(usage(COMMAND)).toContain('--runs N           how often\n');
  });
});
