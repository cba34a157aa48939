import { parseAddress } from '#libs/config';
import { UsageError } from '../cli-error.ts';

/** @throws UsageError */
export function endpointOf(text: string): { readonly host: string; readonly port: number } {
  const endpoint = parseAddress(text);
  if (endpoint === null) throw new UsageError(`'${text}' is no address: write host:port`);
  return endpoint;
}
