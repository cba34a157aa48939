import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { epochMs } from '#libs/kernel';
import { createAuthority, issueCertificate, TlsCredentials } from '#libs/transport';
import { ApiListener } from './api-listener.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'api-listener-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

it('shows a renewed certificate to the next client, without a restart', async () => {
  const now = epochMs(Date.now());
  const authority = await createAuthority({ directory, now });
  const issue = () =>
    issueCertificate({ authority, role: 'controller', name: 'c1', hosts: ['127.0.0.1'], now });
  await issue();
  const file = (name: string): string => join(directory, name);
  const credentials = await TlsCredentials.load({
    caPath: file('ca.crt'),
    certPath: file('controller-c1.crt'),
    keyPath: file('controller-c1.key'),
  });
  const api = new ApiListener((_request, response) => response.end(), credentials.options);
  credentials.onReload((options) => api.renew(options));
  await api.listen('127.0.0.1', 0);
  const shown = async (): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: api.port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  try {
    const before = await shown();
    await issue();
    await credentials.reload();
    expect(await shown()).not.toBe(before);
  } finally {
    await api.close();
  }
});
