import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DatabaseHost, observeHosts, WritingClient } from '#libs/outage';
import { LonePostgres } from './lone-postgres.ts';

const credentials = { user: 'postgres', password: 'secret', database: 'postgres' };
const a: DatabaseHost = { name: 'a', host: '127.0.0.1', port: 17_490 };
const b: DatabaseHost = { name: 'b', host: '127.0.0.1', port: 17_491 };
const lone = new LonePostgres();
let client: WritingClient;

beforeAll(async () => {
  await lone.initialise('a');
});

afterAll(async () => {
  await lone.remove();
});

async function startWriting(): Promise<void> {
  await lone.start('a', a.port);
  await vi.waitFor(async () => expect(await primary()).toBe('a'), { timeout: 10_000 });
  client = new WritingClient({ hosts: [a, b], credentials });
  await client.prepare('a');
  client.start();
  await vi.waitFor(() => expect(client.view().acknowledged).toBeGreaterThan(20));
}

async function primary(): Promise<string | null> {
  return (await observeHosts([a, b], credentials)).primary;
}

describe('the client that measures outage', () => {
  beforeEach(async () => {
    await startWriting();
    return async () => {
      await client.stop();
      await lone.kill('a');
      await lone.kill('b');
    };
  });

  it('counts nothing while nothing happens', async () => {
    client.mark();
    await pause(500);
    const { gapMs, dual, acknowledged, lastHost } = client.view();
    expect({ dual, lastHost }).toEqual({ dual: 0, lastHost: 'a' });
    expect(gapMs).toBeLessThan(5_000);
    expect(acknowledged).toBeGreaterThan(10);
    expect(await client.countLost('a')).toBe(0);
  });

  it('sees the gap of a restart, and that nothing was lost by it', async () => {
    client.mark();
    await lone.kill('a');
    await pause(700);
    expect(client.view().openGapMs).toBeGreaterThanOrEqual(700);
    await lone.start('a', a.port);
    await vi.waitFor(() => expect(client.view().openGapMs).toBeLessThan(100), { timeout: 10_000 });
    expect(client.view().gapMs).toBeGreaterThanOrEqual(700);
    expect(client.view().dual).toBe(0);
    expect(await client.countLost('a')).toBe(0);
  });

  it('sees two writers of one history, and what the one that stays has lost', async () => {
    await lone.kill('a');
    await lone.copy('a', 'b');
    await lone.start('b', b.port);
    await vi.waitFor(() => expect(client.view().lastHost).toBe('b'), { timeout: 10_000 });
    await lone.start('a', a.port);
    await vi.waitFor(() => expect(client.view().lastHost).toBe('a'), {
      timeout: 10_000,
      interval: 2,
    });
    expect(await primary()).toBeNull();
    // Both go on writing: how many commits that makes by now depends on the machine.
    await vi.waitFor(() => expect(client.view().dual).toBeGreaterThan(20), { timeout: 10_000 });
    await client.stop();
    expect(await client.countLost('a')).toBeGreaterThan(0);
    expect(await client.countLost('b')).toBeGreaterThan(0);
  });
});
