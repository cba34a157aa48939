import { describe, expect, it } from 'vitest';
import { InvalidAddressError, parseAddress } from './address.ts';

describe('the address of a controller', () => {
  it.each([
    { text: 'c1.example:7400', host: 'c1.example', port: 7_400 },
    { text: '10.0.0.1:1', host: '10.0.0.1', port: 1 },
    { text: '[fe80::1]:65535', host: 'fe80::1', port: 65_535 },
  ])('$text', ({ text, host, port }) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each(['c1', ':7400', 'c1:0', 'c1:70000', 'fe80::1:7400', 'c1:74a'])('not %s', (text) => {
    expect(() => parseAddress(text)).toThrow(InvalidAddressError);
  });
});
