import type { TlsCredentials } from './tls-credentials.ts';

/**
 * `plain-for-benchmark` has no encryption and no authentication. It exists to measure what TLS costs;
 * both ends must be built with it, and each tells the other in its hello.
 */
export type LinkSecurity =
  | { readonly kind: 'mutual-tls'; readonly credentials: TlsCredentials }
  | { readonly kind: 'plain-for-benchmark' };
