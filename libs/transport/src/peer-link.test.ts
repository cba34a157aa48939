import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OWN_PROTOCOL } from '#libs/protocol';
import { elapsed, LinkEnds, PLAIN, TIMING, until } from './link-ends.fixture.ts';

describe('links between processes', { timeout: 30_000 }, () => {
  let ends: LinkEnds;

  beforeAll(async () => {
    ends = await LinkEnds.make();
  });

  afterEach(() => ends.close());

  afterAll(() => ends.remove());

  it('greets, then carries frames both ways', async () => {
    const server = await ends.listen({});
    const link = await ends.linkTo(server.port, {});
    const peer = await link.up();
    expect(peer).toMatchObject({
      role: 'controller',
      name: 'one',
      memberId: 1,
      protocol: OWN_PROTOCOL.protocolMax,
    });
    expect(server.connections[0]?.peer).toMatchObject({ role: 'guard', name: 'shop/pg1' });
    expect(link.link.send(40, Uint8Array.of(1, 2))).toBe(true);
    await until(() => link.frames.length === 1);
    expect(link.frames).toEqual([{ type: 40, body: [1, 2] }]);
    expect(link.link.state).toBe('up');
  });

  it('notices a peer that stops answering, and connects again', async () => {
    const server = await ends.listen({ security: PLAIN });
    const proxy = await ends.proxyTo(server.port);
    const link = await ends.linkTo(proxy.port, { security: PLAIN });
    await link.up();
    proxy.freeze();
    expect(await link.down()).toMatchObject({ code: 'LINK_TIMEOUT' });
    await until(() => server.closed.length > 0);
    expect(server.closed[0]).toMatchObject({ code: 'LINK_TIMEOUT' });
    proxy.thaw();
    await link.up();
  });

  it('keeps a quiet link up', async () => {
    const server = await ends.listen({});
    const link = await ends.linkTo(server.port, {});
    await link.up();
    await elapsed(3 * TIMING.peerSilenceMs);
    expect(link.link.state).toBe('up');
    expect(server.connections).toHaveLength(1);
  });

  it('connects again after the server came back', async () => {
    const first = await ends.listen({});
    const link = await ends.linkTo(first.port, {});
    await link.up();
    await first.server.close();
    await link.down();
    const second = await ends.listen({ port: first.port });
    await link.up();
    expect(second.connections).toHaveLength(1);
  });

  it('leaves a socket that its peer has ended to whoever wants it, and connects again', async () => {
    const laidAside: Duplex[] = [];
    const server = await ends.listen({});
    const layAside = (socket: Duplex) => void laidAside.push(socket);
    const link = await ends.linkTo(server.port, { layAside });
    await link.up();
    server.connections[0]?.end();
    await link.down();
    expect(laidAside.map(({ destroyed }) => destroyed)).toEqual([false]);
    await link.up();
    expect(server.connections).toHaveLength(2);
    laidAside[0]?.destroy();
    await until(() => server.closed.length === 1);
  });

  it('a link that was cut comes back at the first attempt, with its session resumed', async () => {
    const server = await ends.listen({});
    const link = await ends.linkTo(server.port, {});
    await link.up();
    await elapsed(50);
    server.connections[0]?.close(new Error('ended by the test'));
    await link.down();
    await link.up();
    expect(link.downs).toEqual([]);
    expect(server.connections[1]?.peer.name).toBe('shop/pg1');
  });

  it('drops frames over the budget and says so', async () => {
    const server = await ends.listen({ security: PLAIN });
    const proxy = await ends.proxyTo(server.port);
    const limits = { frameBytesMax: 65_536, sendBudgetBytes: 1_048_576 };
    const link = await ends.linkTo(proxy.port, { security: PLAIN, limits });
    await link.up();
    proxy.freeze();
    const body = new Uint8Array(60_000);
    const sent = Array.from({ length: 40 }, () => link.link.send(40, body));
    expect(sent).toContain(true);
    expect(sent.at(-1)).toBe(false);
    expect(link.link.droppedFrames).toBeGreaterThan(0);
    expect(link.link.waitingBytes).toBeLessThanOrEqual(limits.sendBudgetBytes);
  });

  it('a frame beyond the limit of the channel ends the link', async () => {
    const server = await ends.listen({ security: PLAIN });
    const limits = { frameBytesMax: 65_536, sendBudgetBytes: 1_048_576 };
    const link = await ends.linkTo(server.port, { security: PLAIN, limits });
    await link.up();
    link.link.send(40, new Uint8Array(20_000));
    await until(() => server.closed.length > 0);
    expect(server.closed[0]).toMatchObject({ code: 'BAD_FRAME' });
  });

  it('sends nothing while it is down, and stops when told', async () => {
    const link = await ends.linkTo(1, { security: PLAIN });
    expect(link.link.send(40, Uint8Array.of(1))).toBe(false);
    await link.down();
    link.link.stop();
    expect(link.link.state).toBe('stopped');
  });
});
