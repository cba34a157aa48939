import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTlsFiles, type TlsFiles } from '#libs/config';
import { UsageError } from '../cli-error.ts';
import { NAME_CERTIFICATE } from './certificate-advice.ts';

/** How the controllers are found, from options and environment. */
export type ApiOptions = {
  readonly api?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly certs?: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Addresses to try, and an operator's identity when there is one. */
export type ApiTarget = { readonly urls: readonly URL[]; readonly tls: TlsFiles | null };

const DEFAULT_API = '127.0.0.1:7401';

/** @throws UsageError, TlsFileError */
export function apiTarget(options: ApiOptions, environment: Environment): ApiTarget {
  const tls = operatorTls(options, environment);
  const text = options.api ?? environment['MATRIARCH_API'] ?? DEFAULT_API;
  const addresses = text.split(',').map((part) => part.trim());
  const urls = addresses.filter((part) => part !== '').map((part) => apiUrl(part, tls !== null));
  if (urls.length === 0) throw new UsageError('--api is empty: give URL[,URL...] of controllers');
  return { urls, tls };
}

/** A missing scheme is https for an operator and http for others; a missing port is 7401. */
export function apiUrl(text: string, withTls: boolean): URL {
  const hasScheme = /^[a-z]+:\/\//.test(text);
  const spelled = hasScheme ? text : `${withTls ? 'https' : 'http'}://${text}`;
  const parsed = URL.canParse(spelled) ? new URL(spelled) : null;
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw new UsageError(`--api has '${text}': give it as https://10.0.0.1:7401 or 10.0.0.1:7401`);
  }
  const portGiven = /:\d+$/.test(spelled.split('/')[2] ?? '');
  if (!portGiven) parsed.port = '7401';
  return parsed;
}

function operatorTls(options: ApiOptions, environment: Environment): TlsFiles | null {
  const inDirectory = options.certs === undefined ? null : operatorFiles(options.certs);
  const certificate = options.cert ?? inDirectory?.certificate ?? environment['MATRIARCH_CERT'];
  const key = options.key ?? inDirectory?.key ?? environment['MATRIARCH_KEY'];
  const ca = options.ca ?? inDirectory?.ca ?? environment['MATRIARCH_CA'];
  if (certificate === undefined && key === undefined && ca === undefined) return null;
  if (certificate === undefined || key === undefined || ca === undefined) {
    const missing = Object.entries({ cert: certificate, key, ca }).flatMap(([name, value]) =>
      value === undefined ? [`--${name}`] : [],
    );
    throw new UsageError(
      `${missing.join(' and ')} missing: --cert, --key and --ca go together: ${NAME_CERTIFICATE}`,
    );
  }
  const files = readTlsFiles({ ca, certificate, key });
  if (!areOnePair(files)) {
    throw new UsageError(
      `${key} is not the private key of the certificate ${certificate}: --cert and --key take the two ` +
        'files that one `matriarch certs issue` wrote',
    );
  }
  return files;
}

/** What cannot be read as a certificate or key at all is told by whoever uses it. */
function areOnePair({ cert, key }: TlsFiles): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return true;
  }
}

/** The authority and the one operator's certificate of a directory made by `matriarch certs`. */
function operatorFiles(directory: string): { ca: string; certificate: string; key: string } {
  if (!existsSync(directory))
    throw new UsageError(`--certs ${directory}: there is no such directory`);
  const found = readdirSync(directory).filter((file) => /^operator-.*\.crt$/.test(file));
  const [certificate] = found;
  if (certificate === undefined) {
    throw new UsageError(
      `--certs ${directory} holds no operator certificate: make one with ` +
        `\`matriarch certs issue --directory ${directory} --role operator --name NAME\``,
    );
  }
  if (found.length > 1) {
    const names = found.join(', ');
    throw new UsageError(`--certs ${directory} holds ${names}: say which with --cert, --key, --ca`);
  }
  return {
    ca: join(directory, 'ca.crt'),
    certificate: join(directory, certificate),
    key: join(directory, certificate.replace(/\.crt$/, '.key')),
  };
}
