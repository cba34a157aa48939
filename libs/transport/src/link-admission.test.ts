import { connect as tcpConnect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LinkEnds, type LinkSetup, NOW, PLAIN, until } from './link-ends.fixture.ts';
import type { LinkSecurity } from './link-security.ts';

describe('who is let in over a link', { timeout: 30_000 }, () => {
  let ends: LinkEnds;

  beforeAll(async () => {
    ends = await LinkEnds.make();
  });

  afterEach(() => ends.close());

  afterAll(() => ends.remove());

  it.each<{ what: string; link: Partial<LinkSetup>; reason: string }>([
    { what: 'another group', link: { groupId: 'ffffffffffffffff' }, reason: 'group' },
    { what: 'a role it has no certificate for', link: { says: 'agent' }, reason: 'certificate' },
    { what: 'a name it has no certificate for', link: { name: 'shop/pg2' }, reason: 'certificate' },
    { what: 'a channel of another role', link: { channel: 'raft-bulk' }, reason: 'role' },
    {
      what: 'a channel that is not served',
      link: { role: 'agent', says: 'agent', channel: 'agent' },
      reason: 'channel',
    },
  ])('refuses $what and both sides know why', async ({ link: setup, reason }) => {
    const server = await ends.listen({});
    const link = await ends.linkTo(server.port, setup);
    expect(await link.down()).toMatchObject({ code: 'LINK_REFUSED', refusal: { reason } });
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ code: 'LINK_REFUSED', refusal: { reason } });
    expect(server.connections).toEqual([]);
  });

  it('refuses a certificate of another authority', async () => {
    const server = await ends.listen({});
    const stranger = await ends.linkTo(server.port, { authority: ends.other, trust: ends.ours });
    await stranger.down();
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ refusal: { reason: 'certificate' } });
    expect(String(server.refused[0])).toContain('comes from another authority than ours (tls.ca)');
    expect(server.connections).toEqual([]);
  });

  it('does not trust a server of another authority', async () => {
    const server = await ends.listen({ authority: ends.other });
    const link = await ends.linkTo(server.port, {});
    expect(String(await link.down())).toContain('comes from another authority than ours (tls.ca)');
  });

  it('refuses an expired certificate', async () => {
    const server = await ends.listen({});
    const link = await ends.linkTo(server.port, { issuedAt: NOW - 900 * 86_400_000 });
    await link.down();
    await until(() => server.refused.length > 0);
    expect(String(server.refused[0])).toMatch(/EXPIRED/i);
  });

  it('refuses a client without a certificate', async () => {
    const server = await ends.listen({});
    const { connect } = await import('node:tls');
    const socket = connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => undefined);
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ refusal: { reason: 'certificate' } });
    socket.destroy();
  });

  it('lets a link in although many connections say nothing', async () => {
    const server = await ends.listen({});
    for (let count = 0; count < 40; count += 1) {
      const silent = tcpConnect(server.port, '127.0.0.1');
      silent.on('error', () => undefined);
      ends.onClose(() => void silent.destroy());
    }
    const link = await ends.linkTo(server.port, {});
    await link.up();
    expect(link.downs).toEqual([]);
  });

  it('takes only the controller that was asked for', async () => {
    const server = await ends.listen({});
    const link = await ends.linkTo(server.port, { expectedName: 'two' });
    expect(await link.down()).toMatchObject({ refusal: { reason: 'certificate' } });
  });

  it.each<{ server: LinkSecurity | null; link: LinkSecurity | null }>([
    { server: PLAIN, link: null },
    { server: null, link: PLAIN },
  ])('a plain end and a TLS end never meet %#', async (given) => {
    const server = await ends.listen(given.server === null ? {} : { security: given.server });
    const link = await ends.linkTo(
      server.port,
      given.link === null ? {} : { security: given.link },
    );
    await link.down();
    expect(server.connections).toEqual([]);
    expect(link.link.state).not.toBe('up');
  });

  it('a plain link works when both ends say so', async () => {
    const server = await ends.listen({ security: PLAIN });
    const link = await ends.linkTo(server.port, { security: PLAIN });
    await link.up();
    expect(server.connections).toHaveLength(1);
  });

  it('drops a connection of garbage and stays up for others', async () => {
    const server = await ends.listen({ security: PLAIN });
    const socket = tcpConnect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(Buffer.alloc(100, 0x41));
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ code: 'BAD_FRAME' });
    socket.destroy();
    const link = await ends.linkTo(server.port, { security: PLAIN });
    await link.up();
  });

  it('drops a connection that never says hello', async () => {
    const server = await ends.listen({ security: PLAIN });
    const socket = tcpConnect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    await until(() => server.refused.length > 0);
    expect(server.refused[0]).toMatchObject({ code: 'LINK_TIMEOUT' });
    socket.destroy();
  });

  it('takes no more connections than it may, and the next once one is gone', async () => {
    const server = await ends.listen({ connectionsMax: 2 });
    const first = await ends.linkTo(server.port, {});
    await first.up();
    await (await ends.linkTo(server.port, {})).up();
    const third = await ends.linkTo(server.port, {});
    await third.down();
    expect(server.connections).toHaveLength(2);
    first.link.stop();
    await third.up();
  });

  it('uses new certificate files for new links after a reload', async () => {
    const server = await ends.listen({});
    const credentials = await ends.credentialsOf(ends.ours, 'controller', 'one', NOW);
    const before = credentials.options.cert;
    await ends.credentialsOf(ends.ours, 'controller', 'one', NOW);
    await credentials.reload();
    expect(credentials.options.cert).not.toEqual(before);
    const link = await ends.linkTo(server.port, {});
    await link.up();
  });
});
