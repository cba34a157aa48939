import { expect, it } from 'vitest';
import { addControllerRequest } from './controllers.ts';

it.each(['10.0.0.4:7400', 'c4.example.org:1', '[2001:db8::1]:65535'])(
  '%s is an address of a controller',
  (address) => {
    expect(addControllerRequest.parse({ name: 'c4', address })).toEqual({ name: 'c4', address });
  },
);

it.each(['10.0.0.4', '10.0.0.4:0', '10.0.0.4:99999', ':7400', '2001:db8::1:7400'])(
  '%s is none, and told with the rule and an example',
  (address) => {
    const asked = addControllerRequest.safeParse({ name: 'c4', address });
    expect(asked.error?.issues.map(({ message }) => message)).toEqual([
      `'${address}' is no address: write host:port, as in 10.0.0.4:7400 or [2001:db8::1]:7400, with a port from 1 to 65535`,
    ]);
  },
);
