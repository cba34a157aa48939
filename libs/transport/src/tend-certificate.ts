import { watchExpiry } from './certificate-expiry.ts';
import { reloadOnHangup } from './reload-on-hangup.ts';
import type { TlsCredentials } from './tls-credentials.ts';

type Log = Parameters<typeof reloadOnHangup>[1] & Parameters<typeof watchExpiry>[1];

/**
 * What each process does for its certificate while it runs: reads it again on SIGHUP, and says when it ends.
 *
 * @returns a function that ends it
 */
export function tendCertificate(credentials: TlsCredentials, log: Log): () => void {
  const ends = [reloadOnHangup(credentials, log), watchExpiry(credentials, log)];
  return () => {
    for (const end of ends) end();
  };
}
