import type { TlsCredentials } from './tls-credentials.ts';

const DAY_MS = 86_400_000;
/** Long enough for whoever looks once a month. */
const WARNED_BEFORE_MS = 30 * DAY_MS;

type Certificate = Pick<TlsCredentials, 'certPath' | 'validToMs'>;
type Log = { warn(message: string, fields?: Readonly<Record<string, unknown>>): void };

/** That a certificate is near its end or past it, with the way out; null while there is time. */
export function expiryProblem({ certPath, validToMs }: Certificate, nowMs: number): string | null {
  const leftMs = validToMs - nowMs;
  if (leftMs > WARNED_BEFORE_MS) return null;
  const end = new Date(validToMs).toISOString();
  const days = Math.floor(leftMs / DAY_MS);
  const when =
    leftMs <= 0
      ? `ended at ${end}: nobody takes a new connection with it`
      : `ends at ${end}, in ${days} ${days === 1 ? 'day' : 'days'}: after that nobody takes a new connection with it`;
  return `the certificate ${certPath} ${when}. Issue it anew with \`matriarch certs issue\`, then send SIGHUP`;
}

/**
 * Says so at once and once a day: links that are up stay up, so that else nothing is noticed before all of them
 * break, and the certificates of a group end on one day.
 *
 * @returns a function that ends it
 */
export function watchExpiry(
  certificate: Certificate,
  log: Log,
  nowMs: () => number = Date.now,
): () => void {
  const look = (): void => {
    const why = expiryProblem(certificate, nowMs());
    if (why !== null) log.warn('certificate ends', { why });
  };
  look();
  const timer = setInterval(look, DAY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
