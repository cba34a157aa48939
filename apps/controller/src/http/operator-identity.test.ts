import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { epochMs } from '#libs/kernel';
import { createAuthority, issueCertificate } from '#libs/transport';
import { type Operator, operatorOf } from './operator-identity.ts';

const DAY_MS = 86_400_000;
const directory = mkdtempSync(join(tmpdir(), 'operator-'));
const others = mkdtempSync(join(tmpdir(), 'operator-'));
const found: Operator[] = [];
const pem = (in_: string, name: string) => readFileSync(join(in_, name), 'utf8');
let groupId: string;
let server: ReturnType<typeof createServer>;

beforeAll(async () => {
  const nowMs = Date.now();
  const now = epochMs(nowMs);
  const authority = await createAuthority({ directory, now: epochMs(nowMs - 2_000 * DAY_MS) });
  const foreign = await createAuthority({ directory: others, now });
  const common = { authority, hosts: ['localhost'], now };
  await issueCertificate({ ...common, role: 'controller', name: 'c1' });
  await issueCertificate({ ...common, role: 'operator', name: 'alice' });
  await issueCertificate({ ...common, role: 'agent', name: 'orders/pg1' });
  await issueCertificate({
    ...common,
    role: 'operator',
    name: 'old',
    now: epochMs(nowMs - 1_900 * DAY_MS),
  });
  await issueCertificate({ ...common, authority: foreign, role: 'operator', name: 'bob' });
  groupId = authority.groupId;
  const tls = identityOf(directory, 'controller-c1');
  server = createServer(
    { ...tls, requestCert: true, rejectUnauthorized: false },
    (asked, answer) => {
      found.push(operatorOf(asked, groupId));
      answer.end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.close();
  for (const each of [directory, others]) rmSync(each, { recursive: true });
});

function identityOf(in_: string, stem: string) {
  const [cert, key] = [pem(in_, `${stem}.crt`), pem(in_, `${stem}.key`)];
  return { ca: pem(directory, 'ca.crt'), cert, key };
}

async function askedWith(identity: object): Promise<Operator | undefined> {
  const { port } = server.address() as AddressInfo;
  const how = { host: '127.0.0.1', port, agent: false, checkServerIdentity: () => undefined };
  await new Promise((resolve, reject) => {
    get({ ...how, ca: pem(directory, 'ca.crt'), ...identity }, resolve).on('error', reject);
  });
  return found.pop();
}

it('an operator is known by name', async () => {
  const alice = await askedWith(identityOf(directory, 'operator-alice'));
  expect(alice).toEqual({ name: 'alice', whyNot: null });
});

it.each([
  ['nothing', () => ({}), /^none was presented$/],
  [
    'the certificate of an agent',
    () => identityOf(directory, 'agent-orders-pg1'),
    /^that of agent orders\/pg1 was presented$/,
  ],
  [
    'one that is past',
    () => identityOf(directory, 'operator-old'),
    /^that of operator old ended at .* GMT$/,
  ],
  [
    'one of another authority',
    () => identityOf(others, 'operator-bob'),
    /^that of operator bob is not of this controller's authority/,
  ],
])('%s is nobody, with the reason', async (_what, identity, whyNot) => {
  const operator = await askedWith(identity());
  expect(operator).toMatchObject({ name: null, whyNot: expect.stringMatching(whyNot) });
});
