import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { API_PATHS, orderAnswer, problem, sseMessage, statusAnswer } from '#libs/api';
import { readTlsFiles } from '#libs/config';
import { createAuthority, issueCertificate } from '#libs/transport';
import { nowMs } from '../system-clock.ts';
import { FakeController, type Handler } from '../testing/fake-controller.ts';
import { recorded, status } from '../testing/fixtures.ts';
import { ApiClient } from './api-client.ts';
import { apiTarget, apiUrl } from './api-target.ts';
import { followEvents } from './follow-events.ts';
import { SseParser } from './sse-parser.ts';

const TIMING = { answerTimeoutMs: 2_000, leaderWaitMs: 1_500, retryDelayMs: 20 };
const started: FakeController[] = [];
const directory = mkdtempSync(join(tmpdir(), 'cli-api-'));
const certs = { tls: {}, operator: '' };

async function controller(handler: Handler, tls = false): Promise<FakeController> {
  const fake = await FakeController.start(handler, tls ? certs.tls : undefined);
  started.push(fake);
  return fake;
}

function clientOf(urls: readonly string[], tls = false): ApiClient {
  const options = { api: urls.join(','), ...(tls ? { certs: directory } : {}) };
  return new ApiClient(apiTarget(options, {}), TIMING);
}

beforeAll(async () => {
  const authority = await createAuthority({ directory, now: nowMs() });
  const issue = (role: 'controller' | 'operator') =>
    issueCertificate({ authority, role, name: role, hosts: [], now: nowMs() });
  const served = await issue('controller');
  await issue('operator');
  const { certPath: certificate, keyPath: key, caPath: ca } = served;
  certs.tls = {
    ...readTlsFiles({ certificate, key, ca }),
    requestCert: true,
    rejectUnauthorized: true,
  };
});
afterEach(async () => {
  for (const fake of started.splice(0)) await fake.stop();
});
afterAll(() => rmSync(directory, { recursive: true }));

const accepted = { cluster: 'main', sequence: 33, events: [], satisfied: null };
const notLeader = (url: string | null) => ({
  status: 421,
  body: problem('NOT_LEADER', 'c1 does not lead', { leader: { name: 'c2', url } }),
});

describe('addresses', () => {
  it.each([
    ['10.0.0.1', false, 'http://10.0.0.1:7401/'],
    ['10.0.0.1:80', false, 'http://10.0.0.1/'],
    ['db1.example:7500', true, 'https://db1.example:7500/'],
    ['http://10.0.0.1:7401/', true, 'http://10.0.0.1:7401/'],
    ['[::1]', true, 'https://[::1]:7401/'],
  ])('%s', (text, withTls, expected) => {
    expect(apiUrl(text, withTls).href).toBe(expected);
  });

  it.each(['ftp://x', '://', 'a b'])('%s is refused', (text) => {
    expect(() => apiUrl(text, false)).toThrow(/give it as https:\/\/10.0.0.1:7401/);
  });

  it('a key of another certificate is refused with the names of both', () => {
    const [cert, ca] = [join(directory, 'operator-operator.crt'), join(directory, 'ca.crt')];
    const key = join(directory, 'controller-controller.key');
    expect(() => apiTarget({ cert, key, ca }, {})).toThrow(
      `${key} is not the private key of the certificate ${cert}`,
    );
  });

  it('an identity must be whole', () => {
    expect(() => apiTarget({ cert: 'x' }, {})).toThrow(/^--key and --ca missing: .* go together/);
    expect(() => apiTarget({ certs: tmpdir() }, {})).toThrow(/holds no operator certificate/);
  });
});

describe('reads', () => {
  it('go to the next controller when one is down', async () => {
    const live = await controller(() => ({ status: 200, body: status() }));
    const client = clientOf(['http://127.0.0.1:9', live.url]);
    expect((await client.status()).leader).toBe('c2');
    expect(client.urls[0]?.origin).toBe(live.url);
  });

  it('of the status end at the leader, which alone knows positions', async () => {
    const leader = await controller(() => ({ status: 200, body: status() }));
    const follower = await controller(() => ({
      status: 200,
      body: status({
        controller: 'c1',
        clusters: [],
        controllers: status().controllers.map((one) =>
          one.name === 'c2' ? { ...one, apiUrl: leader.url } : one,
        ),
      }),
    }));
    expect((await clientOf([follower.url]).status()).clusters).toHaveLength(1);
  });

  it('name every controller that did not answer, and why', async () => {
    const busy = await controller(() => ({ status: 503, body: problem('NO_LEADER', 'no leader') }));
    await expect(
      clientOf(['http://127.0.0.1:9', busy.url]).read('/x', statusAnswer),
    ).rejects.toThrow(
      `no controller answers (http://127.0.0.1:9: connection refused; ${busy.url}: no leader)`,
    );
  });

  it.each([
    [
      'ends what is no frame',
      (socket: Socket) => void socket.end(),
      /: connection lost before any/,
    ],
    [
      'answers in frames',
      (socket: Socket) => void socket.end('\0\0\0'),
      /: what answers there speaks/,
    ],
  ])('name the port of the API where one %s', async (_what, answer, said) => {
    const raft = createTlsServer(certs.tls, (socket) => {
      socket.on('error', () => undefined).once('data', () => answer(socket));
    });
    await new Promise<void>((resolve) => raft.listen(0, '127.0.0.1', resolve));
    const { port } = raft.address() as AddressInfo;
    const read = clientOf([`https://127.0.0.1:${port}`], true).status();
    await expect(read).rejects.toThrow(said);
    await expect(read).rejects.toThrow(
      `(--api names port ${port} and wants that of \`api\` in a controller's file, 7401 unless`,
    );
    await new Promise((resolve) => raft.close(resolve));
  });

  it('tell another program from a controller', async () => {
    const other = await controller((_request, response) => {
      response.end('<html>');
      return null;
    });
    await expect(clientOf([other.url]).status()).rejects.toThrow(/does not answer as a controller/);
  });
});

describe('orders', () => {
  it('need an operator certificate', async () => {
    await expect(clientOf(['10.0.0.1']).order('/x', {}, orderAnswer)).rejects.toThrow(
      /needs an operator certificate: .*--ca ca\.crt.*certs init.*certs issue .*--role operator/,
    );
  });

  it('follow the leader, over TLS, with the body', async () => {
    const leader = await controller(() => ({ status: 200, body: accepted }), true);
    const follower = await controller(() => notLeader(leader.url), true);
    const client = clientOf([follower.url], true);
    const order = await client.order(API_PATHS.switchover('main'), { to: 'pg2' }, orderAnswer);
    expect(order.sequence).toBe(33);
    expect(leader.asked).toEqual(['POST /api/v1/clusters/main/switchover {"to":"pg2"}']);
  });

  it('wait while the controllers elect', async () => {
    let asked = 0;
    const electing = await controller(() => {
      asked += 1;
      if (asked < 3) return { status: 503, body: problem('NO_LEADER', 'no leader') };
      return { status: 200, body: accepted };
    }, true);
    await clientOf([electing.url], true).order('/x', {}, orderAnswer);
    expect(electing.asked).toHaveLength(3);
  });

  it('say that nobody leads, where controllers answer and none does', async () => {
    const electing = await controller(
      () => ({ status: 503, body: problem('NO_LEADER', 'no leader') }),
      true,
    );
    const order = clientOf(['https://127.0.0.1:9', electing.url], true).order(
      '/x',
      {},
      orderAnswer,
    );
    await expect(order).rejects.toMatchObject({
      problemCode: 'NO_LEADER',
      message: expect.stringMatching(
        /^no controller took the order within .* s, so nothing was ordered \(https:\/\/127\.0\.0\.1:9: connection refused; .*: no leader\): .*a majority/,
      ),
    });
  });

  it('are not given twice when the answer is lost', async () => {
    const lost = await controller((_request, response) => {
      response.destroy();
      return null;
    }, true);
    const other = await controller(() => ({ status: 200, body: accepted }), true);
    const order = clientOf([lost.url, other.url], true).order('/x', {}, orderAnswer);
    await expect(order).rejects.toThrow(/its answer was lost: look at `matriarch events`/);
    expect(other.asked).toEqual([]);
  });

  it('say which rule refused', async () => {
    const refusals = [{ instance: 'pg2', rule: 'is too far behind', value: '9 MB', limit: '1 MB' }];
    const refusing = await controller(() => {
      const body = problem('OPERATION_REFUSED', 'no candidate may be promoted', { refusals });
      return { status: 409, body };
    }, true);
    await expect(clientOf([refusing.url], true).order('/x', {}, orderAnswer)).rejects.toThrow(
      'pg2: is too far behind (9 MB, limit 1 MB)',
    );
  });

  it('say whose certificate is not of the same authority, and what to name instead', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'cli-foreign-'));
    const authority = await createAuthority({ directory: elsewhere, now: nowMs() });
    await issueCertificate({ authority, role: 'operator', name: 'bob', hosts: [], now: nowMs() });
    const fake = await controller(() => ({ status: 200, body: accepted }), true);
    const client = new ApiClient(apiTarget({ api: fake.url, certs: elsewhere }, {}), TIMING);
    await expect(client.order('/x', {}, orderAnswer)).rejects.toThrow(
      /its certificate \(.*controller.*, issued by .+\) is not of the authority in --ca \(.+\)\): name the ca\.crt .*--certs/,
    );
    rmSync(elsewhere, { recursive: true });
  });

  it('are refused to a server whose certificate is not that of a controller', async () => {
    const operator = readTlsFiles({
      ca: join(directory, 'ca.crt'),
      certificate: join(directory, 'operator-operator.crt'),
      key: join(directory, 'operator-operator.key'),
    });
    const impostor = await FakeController.start(() => ({ status: 200, body: accepted }), operator);
    started.push(impostor);
    await expect(clientOf([impostor.url], true).order('/x', {}, orderAnswer)).rejects.toThrow(
      /its certificate is not a controller's/,
    );
    expect(impostor.asked).toEqual([]);
  });
});

describe('followed events', () => {
  it('come once each and in order, from the next controller when one goes', async () => {
    const events = [34, 35, 36].map((at) => recorded(at, `event ${at}`, { type: 'ClusterPaused' }));
    const first = await controller((_request, response) => {
      for (const event of events.slice(0, 2)) response.write(sseMessage(event));
      setImmediate(() => response.destroy());
      return null;
    });
    const second = await controller((_request, response) => {
      for (const event of events.slice(1)) response.write(sseMessage(event));
      return null;
    });
    const seen: number[] = [];
    const client = clientOf([first.url, second.url]);
    for await (const event of followEvents(client, { cluster: 'main', after: 33 })) {
      seen.push(event.sequence);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([34, 35, 36]);
    expect(second.asked).toEqual(['GET /api/v1/clusters/main/events/stream?after=35']);
  });

  it('of a cluster that is not known are an error at once', async () => {
    const none = await controller(() => ({ status: 404, body: problem('UNKNOWN_CLUSTER', 'x') }));
    const next = followEvents(clientOf([none.url]), { cluster: 'x', after: 0 }).next();
    await expect(next).rejects.toThrow("no cluster 'x' is known");
  });
});

describe('SseParser', () => {
  it('reads messages whose chunks break anywhere, and skips remarks', () => {
    const text = ': alive\n\nid: 1\ndata: {"a":\ndata: 1}\n\r\ndata:x\n\n';
    for (let at = 1; at < text.length; at += 1) {
      const parser = new SseParser();
      const messages = [...parser.push(text.slice(0, at)), ...parser.push(text.slice(at))];
      expect(messages).toEqual(['{"a":\n1}', 'x']);
    }
  });
});
