import { DomainError } from '#libs/kernel';

export class InvalidAddressError extends DomainError {
  readonly code = 'INVALID_ADDRESS';
}

/** Reads `host:port`; an IPv6 host stands in brackets. */
export function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new InvalidAddressError(`'${text}' is not an address: write host:port`);
  }
  return { host, port };
}
