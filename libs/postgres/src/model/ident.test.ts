import { expect, it } from 'vitest';
import { checkIdentLine, IdentLineError } from './ident.ts';

it.each(['', '# a comment', 'app /^(.*)@example.com$ \\1', 'app "two words" db', 'a b c # why'])(
  'takes %j',
  (line) => {
    expect(() => checkIdentLine(line)).not.toThrow();
  },
);

it.each([
  ['app os', '2 fields'],
  ['app os db more', '4 fields'],
  ['matriarch os postgres', "the map 'matriarch' is ours"],
  ['"matriarch" os postgres', "the map 'matriarch' is ours"],
  ['include other.conf', 'includes are not managed'],
  ['a b c\nmatriarch x postgres', 'more than one line'],
])('refuses %j: %s', (line, why) => {
  expect(() => checkIdentLine(line)).toThrow(IdentLineError);
  expect(() => checkIdentLine(line)).toThrow(why);
});
