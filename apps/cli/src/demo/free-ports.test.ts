import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { PortTakenError, requireFreePorts } from './free-ports.ts';

it('names the port that is taken, who wanted it and the way out', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const wanted = [{ name: 'agent of pg1', port }];
  await expect(requireFreePorts('127.0.0.1', wanted)).rejects.toThrow(PortTakenError);
  await expect(requireFreePorts('127.0.0.1', wanted)).rejects.toThrow(
    `port ${port} (agent of pg1) is taken: end what listens there, or choose others with --port-base`,
  );
  server.close();
  await once(server, 'close');
  await expect(requireFreePorts('127.0.0.1', wanted)).resolves.toBeUndefined();
});
