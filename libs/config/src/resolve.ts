import { dirname, resolve } from 'node:path';
import type { Endpoint } from '#libs/cluster';
import { formatAddress } from '#libs/kernel';
import type { ControllerEntry } from './shared-fields.ts';

/** A rule between several keys that does not hold. */
export type CrossProblem = { readonly path: readonly (string | number)[]; readonly text: string };

/** Collects what is wrong while raw values are turned into the configuration that programs read. */
export class Resolution {
  readonly problems: CrossProblem[] = [];

  constructor(readonly file: string) {}

  /** An absolute path; relative ones start at the directory of the configuration file. */
  path(text: string): string {
    return resolve(dirname(this.file), text);
  }

  refuse(path: readonly (string | number)[], text: string): void {
    this.problems.push({ path, text });
  }
}

export type TlsPaths = {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
};

export function resolveTls(tls: TlsPaths, resolution: Resolution): TlsPaths {
  return {
    ca: resolution.path(tls.ca),
    certificate: resolution.path(tls.certificate),
    key: resolution.path(tls.key),
  };
}

/** Names and addresses once each, and an odd number: an even one tolerates no more failures. */
export function checkControllers(
  controllers: readonly ControllerEntry[],
  resolution: Resolution,
): void {
  if (controllers.length % 2 === 0) {
    const count = `${controllers.length} controllers`;
    resolution.refuse(
      ['controllers'],
      `controllers lists ${count}: use 1, 3, 5 or 7, an even number tolerates no more failures`,
    );
  }
  const names = new Set<string>();
  const addresses = new Set<string>();
  for (const [index, { name, address }] of controllers.entries()) {
    const text = formatAddress(address);
    if (names.has(name))
      resolution.refuse(['controllers', index], `controller '${name}' is listed twice`);
    if (addresses.has(text)) {
      resolution.refuse(['controllers', index], `address ${text} is listed for two controllers`);
    }
    names.add(name);
    addresses.add(text);
  }
}

/** Linux allows 107 bytes for the path of a socket. */
const SOCKET_PATH_MAX_BYTES = 107;

export function checkSocketPath(
  path: readonly string[],
  socket: string,
  resolution: Resolution,
): void {
  const length = Buffer.byteLength(socket);
  if (length <= SOCKET_PATH_MAX_BYTES) return;
  resolution.refuse(
    path,
    `${path.join('.')} is too long: the socket ${socket} takes ${length} bytes of the ` +
      `${SOCKET_PATH_MAX_BYTES} that Linux allows; use a shorter directory`,
  );
}

export function endpoint(value: { host: string; port: number }): Endpoint {
  return { host: value.host, port: value.port };
}
