import { codeOf, messageOf } from '#libs/kernel';
import type { TlsCredentials } from './tls-credentials.ts';

type Log = {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
};
type Signals = {
  on(signal: 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGHUP', listener: () => void): unknown;
};

/**
 * SIGHUP reads the certificates again, as it makes PostgreSQL read its files. Without a listener Node ends on
 * it: a reload that somebody orders on all hosts at once would end every process.
 *
 * @returns a function that ends it
 */
export function reloadOnHangup(
  credentials: Pick<TlsCredentials, 'reload' | 'validToMs'>,
  log: Log,
  signals: Signals = process,
): () => void {
  const read = (): void => {
    credentials.reload().then(
      () => {
        const validUntil = new Date(credentials.validToMs).toISOString();
        log.info('certificates read again', { validUntil });
      },
      (error: unknown) => {
        // The old ones stay in use.
        log.error('certificates not read again', { code: codeOf(error), why: messageOf(error) });
      },
    );
  };
  signals.on('SIGHUP', read);
  return () => void signals.off('SIGHUP', read);
}
