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
import { ticketKeysOf } from './ticket-keys.ts';
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
    await listen();
  });

  async function listen(port = 0): Promise<void> {
    const { options } = credentials;
    const ticketKeys = ticketKeysOf(options);
    const asked = { ...options, ticketKeys, requestCert: true, rejectUnauthorized: false };
    server = createServer(asked, (socket) => {
      const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
      seen.push(certificate && identityOfCertificate(certificate)?.name);
      socket.on('error', () => undefined);
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  }

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

  it('resumes the session of a server that was started again', async () => {
    const sessions: ResumableSession[] = [];
    const first = await connect(null, sessions);
    await vi.waitUntil(() => sessions.length > 0, WITHIN);
    const { port } = server.address() as AddressInfo;
    first.dialled.socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await listen(port);
    const second = await connect(sessions[0] ?? null, sessions);
    expect(second.reused).toBe(true);
    second.dialled.socket.destroy();
  });

  it('resumes no session that was made with another certificate', () => {
    const { ca, cert, key } = credentials.options;
    const keys = ticketKeysOf({ ca, cert, key });
    expect(ticketKeysOf({ ca, cert, key })).toEqual(keys);
    for (const other of [{ ca: 'other' }, { cert: 'other' }, { key: 'other' }]) {
      expect(ticketKeysOf({ ca, cert, key, ...other })).not.toEqual(keys);
    }
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
