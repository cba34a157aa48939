import { mkdirSync } from 'node:fs';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf } from '#libs/kernel';
import { MemberProcess } from './child.ts';
import type { Done, StoreClients, StoreUnderTest } from './store.ts';

/** Debian's package etcd-server, in the search path. */
export const ETCD = 'etcd';
const NAMES = ['e1', 'e2', 'e3'];
const START_LIMIT_MS = 20_000;
const POLL_MS = 100;
const PREFIX_BYTES = 5;
const GRPC = {
  [constants.HTTP2_HEADER_METHOD]: 'POST',
  [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
  [constants.HTTP2_HEADER_TE]: 'trailers',
};
const STATUS_HEADERS = { ...GRPC, ':path': '/etcdserverpb.Maintenance/Status' };
const PUT_HEADERS = { ...GRPC, ':path': '/etcdserverpb.KV/Put' };

/** Three etcd members as Debian's package has them: plain, defaults, one directory each. */
export class EtcdGroup implements StoreUnderTest {
  readonly members: readonly MemberProcess[];
  readonly #ports: readonly number[];

  private constructor(directory: string, basePort: number) {
    this.#ports = NAMES.map((_, at) => basePort + 2 * at);
    const peers = NAMES.map((name, at) => `${name}=http://127.0.0.1:${basePort + 2 * at + 1}`);
    this.members = NAMES.map((name, at) => {
      const clientUrl = `http://127.0.0.1:${this.#ports[at]}`;
      const peerUrl = `http://127.0.0.1:${(this.#ports[at] ?? 0) + 1}`;
      const argv = [
        ...[ETCD, '--name', name, '--data-dir', join(directory, name)],
        ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
        ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
        ...['--initial-cluster', peers.join(','), '--logger', 'zap', '--log-level', 'warn'],
      ];
      return new MemberProcess({ name, argv, logFile: join(directory, `${name}.log`) });
    });
  }

  static async start(directory: string, basePort: number): Promise<EtcdGroup> {
    mkdirSync(directory, { recursive: true });
    const group = new EtcdGroup(directory, basePort);
    for (const member of group.members) member.start();
    await group.#leaderPort();
    return group;
  }

  async connect(clients: number, connections: 'shared' | 'own'): Promise<StoreClients> {
    const url = `http://127.0.0.1:${await this.#leaderPort()}`;
    const count = connections === 'shared' ? 1 : clients;
    const sessions = await Promise.all(Array.from({ length: count }, () => openSession(url)));
    return new EtcdClients(sessions);
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
  }

  async #leaderPort(): Promise<number> {
    const endMs = performance.now() + START_LIMIT_MS;
    while (performance.now() < endMs) {
      for (const port of this.#ports) if (await leads(port)) return port;
      await pause(POLL_MS);
    }
    throw new Error(`etcd had no leader within ${START_LIMIT_MS} ms`);
  }
}

class EtcdClients implements StoreClients {
  constructor(readonly sessions: readonly ClientHttp2Session[]) {}

  put(client: number, key: string, value: Uint8Array, done: Done): void {
    const session = this.sessions[client % this.sessions.length];
    if (session === undefined) return;
    call(session, PUT_HEADERS, putRequest(key, value), (error) => done(error));
  }

  close(): void {
    for (const session of this.sessions) session.destroy();
  }
}

function openSession(url: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(url);
    session.once('connect', () => resolve(session));
    session.once('error', reject);
  });
}

/** One unary call; `body` is the answer's message without its prefix. */
function call(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  request: Buffer,
  done: (error: Error | null, body: Buffer) => void,
): void {
  const stream = session.request(headers);
  const chunks: Buffer[] = [];
  let status = '0';
  let failure: Error | null = null;
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('trailers', (trailers) => {
    status = String(trailers['grpc-status'] ?? '0');
  });
  stream.on('error', (error) => {
    failure = error;
  });
  stream.on('close', () => {
    if (failure === null && status !== '0') failure = new Error(`etcd answered status ${status}`);
    if (failure === null && chunks.length === 0) failure = new Error('etcd answered nothing');
    done(failure, failure === null ? Buffer.concat(chunks).subarray(PREFIX_BYTES) : NOTHING);
  });
  stream.end(request);
}

const NOTHING = Buffer.alloc(0);

async function leads(port: number): Promise<boolean> {
  const session = await openSession(`http://127.0.0.1:${port}`).catch((error: unknown) => {
    if (codeOf(error) === 'ECONNREFUSED') return null;
    throw error;
  });
  if (session === null) return false;
  try {
    return await new Promise((resolve) => {
      call(session, STATUS_HEADERS, grpcFrame(NOTHING), (error, body) => {
        resolve(error === null && isLeader(body));
      });
    });
  } finally {
    session.destroy();
  }
}

/** StatusResponse: header (1) with member_id (2), and leader (4). */
function isLeader(status: Buffer): boolean {
  const fields = fieldsOf(status);
  const leader = fields.get(4);
  const header = fields.get(1);
  if (!(header instanceof Buffer) || typeof leader !== 'bigint' || leader === 0n) return false;
  return fieldsOf(header).get(2) === leader;
}

function fieldsOf(message: Buffer): Map<number, bigint | Buffer> {
  const fields = new Map<number, bigint | Buffer>();
  for (let at = 0; at < message.length; ) {
    const tag = varint(message, at);
    const value = varint(message, tag.end);
    const field = Number(tag.value >> 3n);
    const isBytes = (tag.value & 7n) === 2n;
    at = isBytes ? value.end + Number(value.value) : value.end;
    fields.set(field, isBytes ? message.subarray(value.end, at) : value.value);
  }
  return fields;
}

function varint(bytes: Buffer, from: number): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let at = from, shift = 0n; ; at += 1, shift += 7n) {
    const byte = bytes[at] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end: at + 1 };
  }
}

/** PutRequest: key (1) and value (2), both bytes. */
function putRequest(key: string, value: Uint8Array): Buffer {
  const name = Buffer.from(key);
  return grpcFrame(
    Buffer.concat([bytesHead(1, name.length), name, bytesHead(2, value.length), value]),
  );
}

function bytesHead(field: number, length: number): Buffer {
  const low = (length & 0x7f) | (length > 0x7f ? 0x80 : 0);
  return Buffer.from(
    length > 0x7f ? [(field << 3) | 2, low, length >> 7] : [(field << 3) | 2, low],
  );
}

function grpcFrame(message: Buffer): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, PREFIX_BYTES);
  return frame;
}
