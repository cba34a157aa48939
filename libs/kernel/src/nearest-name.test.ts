import { describe, expect, it } from 'vitest';
import { nearestName } from './nearest-name.ts';

describe('nearestName', () => {
  it.each([
    ['stateDir', ['name', 'stateDirectory', 'listen'], 'stateDirectory'],
    ['state_directory', ['stateDirectory'], 'stateDirectory'],
    ['controler', ['controllers', 'cluster'], 'controllers'],
    ['Instance', ['instance'], 'instance'],
    ['zzzz', ['name', 'tls'], null],
    ['x', ['name'], null],
  ])('%s', (wrong, known, expected) => {
    expect(nearestName(wrong, known)).toBe(expected);
  });
});
