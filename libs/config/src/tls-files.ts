import { readFileSync } from 'node:fs';
import { TlsFileError } from './config-error.ts';
import { reasonOf } from './load.ts';
import type { TlsPaths } from './resolve.ts';

/** PEM texts, in the names that `node:tls` uses. */
export type TlsFiles = { readonly ca: string; readonly cert: string; readonly key: string };

/**
 * Reads what a process needs before it connects or listens.
 * @throws TlsFileError naming the first file that is missing, unreadable or no PEM.
 */
export function readTlsFiles(paths: TlsPaths): TlsFiles {
  return {
    ca: readPem('certificate authority', paths.ca, 'CERTIFICATE'),
    cert: readPem('certificate', paths.certificate, 'CERTIFICATE'),
    key: readPem('private key', paths.key, 'PRIVATE KEY'),
  };
}

function readPem(what: string, file: string, label: string): string {
  const text = read(what, file);
  if (!new RegExp(`-----BEGIN (?:[A-Z]+ )?${label}-----`).test(text)) {
    throw new TlsFileError(what, file, `it holds no PEM block "${label}"`);
  }
  return text;
}

function read(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const way = 'make it with `matriarch certs issue`, or correct the path';
    throw new TlsFileError(what, file, `${reasonOf(cause)}: ${way}`, { cause });
  }
}
