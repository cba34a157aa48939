import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { epochMs } from '#libs/kernel';
import { createAuthority, issueCertificate } from './authority.ts';
import { dial, type ResumableSession } from './dial.ts';
import { identityOfCertificate } from './identity-uri.ts';
import { TlsCredentials } from './tls-credentials.ts';

const WITHIN = { timeout: 10_000 };

describe('dialling twice', { timeout: 30_000 }, () => {
  let directory: string;
  let credentials: TlsCredentials;
  let server: Server;
  let seen: (string | undefined)[];

  beforeEach(async () => {
    const now = epochMs(Date.now());
    directory = await mkdtemp(join(tmpdir(), 'dial-'));
    const authority = await createAuthority({ directory, now });
    credentials = await TlsCredentials.load(
      await issueCertificate({ authority, role: 'controller', name: 'one', hosts: [], now }),
    );
    seen = [];
    const options = { ...credentials.options, requestCert: true, rejectUnauthorized: false };
    server = createServer(options, (socket) => {
      const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
      seen.push(certificate && identityOfCertificate(certificate)?.name);
      socket.on('error', () => undefined);
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });

  it('resumes the session, and both ends still know who the other is', async () => {
    const sessions: ResumableSession[] = [];
    const first = await connect(null, sessions);
    expect(first.reused).toBe(false);
    await vi.waitUntil(() => sessions.length > 0, WITHIN);
    const second = await connect(sessions[0] ?? null, sessions);
    expect(second.reused).toBe(true);
    expect(second.dialled.certificate).toEqual(credentials.identity);
    await vi.waitUntil(() => seen.length === 2, WITHIN);
    expect(seen).toEqual(['one', 'one']);
    for (const { dialled } of [first, second]) dialled.socket.destroy();
  });

  async function connect(resumable: ResumableSession | null, sessions: ResumableSession[]) {
    const { port } = server.address() as AddressInfo;
    const dialled = await dial({
      host: '127.0.0.1',
      port,
      security: { kind: 'mutual-tls', credentials },
      connectTimeoutMs: 10_000,
      resumable,
      onResumable: (session) => sessions.push(session),
    }).done;
    const { socket } = dialled;
    // The session comes after the handshake, and only a socket that reads gets it.
    socket.resume();
    return { dialled, reused: socket instanceof TLSSocket && socket.isSessionReused() };
  }
});
