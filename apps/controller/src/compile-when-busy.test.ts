import { describe, expect, it } from 'vitest';
import { CompileWhenBusy } from './compile-when-busy.ts';

function compiler() {
  const flags: string[] = [];
  const compile = new CompileWhenBusy((flag) => flags.push(flag));
  const look = (share: number, times = 1): void => {
    for (let at = 0; at < times; at += 1) compile.look(share);
  };
  return { flags, look };
}

describe('optimised code of a controller', () => {
  it('given nothing happens, is not made', () => {
    const { flags, look } = compiler();
    look(0.02, 100);
    expect(flags).toEqual(['--no-opt']);
  });

  it('given load, is made from the first second on, and while there is some work', () => {
    const { flags, look } = compiler();
    look(0.3);
    look(0.06, 100);
    expect(flags).toEqual(['--no-opt', '--opt']);
  });

  it('given ten calm seconds after load, is made no more; a pause between commands changes nothing', () => {
    const { flags, look } = compiler();
    look(0.9);
    look(0.01, 9);
    look(0.5);
    look(0.01, 9);
    expect(flags).toEqual(['--no-opt', '--opt']);
    look(0.01);
    expect(flags).toEqual(['--no-opt', '--opt', '--no-opt']);
  });
});
