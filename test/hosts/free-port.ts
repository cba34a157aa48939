import { createServer } from 'node:net';

/** Below what the kernel gives to outgoing connections (32,768 up): one of those would take it before it is listened on. */
const FIRST = 20_000;
const COUNT = 9_000;
let next = FIRST + ((process.pid * 97) % COUNT);

/** A port of loopback on which nobody listens, each but once a process. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried += 1) {
    const port = next;
    next = port + 1 < FIRST + COUNT ? port + 1 : FIRST;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${FIRST} to ${FIRST + COUNT} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
