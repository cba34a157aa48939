import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ThreeControllers } from './controllers.ts';

export type Answer = { readonly status: number; readonly type: string; readonly body: string };
export type Asked = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Over TLS, with this certificate; plain HTTP when left out. */
  readonly as?: { readonly role: 'operator' | 'agent'; readonly name: string } | 'nobody';
};

/** One request to one controller's API port. */
export async function ask(group: ThreeControllers, to: string, asked: Asked): Promise<Answer> {
  const { as, method, path } = asked;
  const payload = asked.body === undefined ? '' : JSON.stringify(asked.body);
  const options = {
    host: group.placeOf(to).host,
    port: group.placeOf(to).api,
    method,
    path,
    agent: false as const,
    headers: payload === '' ? {} : { 'content-type': 'application/json' },
  };
  const ca = readFileSync(group.caPath);
  const client = as === undefined || as === 'nobody' ? null : await certificate(group, as);
  return new Promise((resolve, reject) => {
    const request =
      as === undefined ? httpRequest(options) : httpsRequest({ ...options, ca, ...(client ?? {}) });
    request.once('error', (cause) => {
      const asked = `${method} ${path} at ${to}: ${cause.message}`;
      reject(new Error(asked, { cause }));
    });
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.end(payload);
  });
}

async function certificate(
  group: ThreeControllers,
  as: { readonly role: 'operator' | 'agent'; readonly name: string },
) {
  const { certPath, keyPath } = await group.certificate(as.role, as.name);
  return { cert: readFileSync(certPath), key: readFileSync(keyPath) };
}
