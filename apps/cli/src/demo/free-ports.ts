import { createServer } from 'node:net';
import { codeOf, DomainError } from '#libs/kernel';

export class PortTakenError extends DomainError {
  readonly code = 'PORT_TAKEN';

  constructor(port: number, name: string) {
    super(
      `port ${port} (${name}) is taken: end what listens there, or choose others with --port-base`,
    );
  }
}

/** @throws PortTakenError for the first port that something listens on. */
export async function requireFreePorts(
  address: string,
  ports: readonly { readonly name: string; readonly port: number }[],
): Promise<void> {
  for (const { name, port } of ports) {
    if (!(await isFree(address, port))) throw new PortTakenError(port, name);
  }
}

async function isFree(address: string, port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}
