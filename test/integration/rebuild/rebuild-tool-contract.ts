/**
 * What every way to get a cluster's data must do, whatever program is behind it. Each tool's own suite gives
 * it a source that works, and says how that source goes away.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type CopyRequest, finishCopy, proveSource, type RebuildTool } from '#libs/backup';
import { codeOf } from '#libs/kernel';
import { ProcessError } from '#libs/process';

export type ToolWorld = {
  readonly tool: RebuildTool;
  /** The same tool, without its source. */
  readonly lost: { readonly tool: RebuildTool; readonly change: Partial<CopyRequest> };
  /** A new order each time; for a tool that works in place, of a new instance that diverged. */
  readonly request: (change?: Partial<CopyRequest>) => Promise<CopyRequest>;
  /** Processes that write into the places of a copy, or that its tool has started. */
  readonly copiers: (request: CopyRequest) => readonly string[];
};

/** Far below what a copy needs to end before it is cancelled or measured. */
const SLOW_BYTES_PER_SECOND = 1_048_576;
const LIMIT_MS = 60_000;

export function rebuildToolContract(name: string, world: () => ToolWorld): void {
  preflightContract(name, world);
  copyContract(name, world);
}

function preflightContract(name: string, world: () => ToolWorld): void {
  describe(`the preflight of ${name}`, { timeout: LIMIT_MS }, () => {
    it('proves its source, and of a copy how large it is', async () => {
      const { tool, request } = world();
      const order = await request();
      const preflight = await proveSource(tool, order, null);
      expect(preflight).toMatchObject({ method: tool.name, ok: true });
      expect(preflight.keepsAside).toBe(!tool.capabilities.inPlace);
      // A program of one's own says it in its `check`, where it has one.
      if (tool.name !== 'custom') expect(preflight.bytes).toBeGreaterThan(0);
      await order.places.remove();
    });

    it('refuses the source of another cluster', async () => {
      const { tool, request } = world();
      const order = await request();
      const foreign = { ...order.expected, systemIdentifier: '1' };
      const preflight = await proveSource(tool, { ...order, expected: foreign }, null);
      if (preflight.checks.some(({ name: check, detail }) => isUntold(check, detail))) {
        // A tool that cannot tell is found out by its copy, which then takes the place of nothing.
        await tool.copy(order);
        const finished = finishCopy(order.installation, order.places, foreign);
        await expect(finished).rejects.toMatchObject({ code: 'COPY_REFUSED' });
      } else {
        expect(preflight.ok).toBe(false);
        expect(preflight.detail).toContain('system identifier');
      }
      await order.places.remove();
    });

    it('says in its preflight that the source is gone, and fails on it', async () => {
      const { lost, request } = world();
      const order = await request(lost.change);
      const preflight = await proveSource(lost.tool, order, null);
      expect(preflight.ok).toBe(false);
      expect(preflight.detail.length).toBeGreaterThan(10);
      await expect(lost.tool.copy(order)).rejects.toSatisfy((error) =>
        ['BACKUP_SOURCE', 'PROCESS_FAILED', 'REWIND_FAILED'].includes(codeOf(error) ?? ''),
      );
      await order.places.remove();
    });
  });
}

function copyContract(name: string, world: () => ToolWorld): void {
  describe(`a copy by ${name}`, { timeout: LIMIT_MS }, () => {
    it('copies all, and its progress only grows up to the whole', async () => {
      const { tool, request } = world();
      const told: { done: number; total: number | null }[] = [];
      const onProgress = (done: number, total: number | null) => told.push({ done, total });
      const order = await request({ onProgress });
      await tool.copy(order);
      const bytes = told.map(({ done }) => done);
      expect([...bytes].sort((a, b) => a - b)).toEqual(bytes);
      for (const { done, total } of told) expect(done).toBeLessThanOrEqual((total ?? done) * 1.1);
      if (!tool.capabilities.inPlace) {
        await finishCopy(order.installation, order.places, order.expected);
        expect(existsSync(join(order.places.dataDirectory, 'standby.signal'))).toBe(true);
      }
      await order.places.remove();
    });

    it('ends at once when it is cancelled, with all that it has started', async () => {
      const { tool, request, copiers } = world();
      const abort = new AbortController();
      const order = await request({
        signal: abort.signal,
        bandwidthBytesPerSecond: SLOW_BYTES_PER_SECOND,
      });
      const end = tool.copy(order).then(
        () => null,
        (error: unknown) => error,
      );
      let ended = false;
      void end.then(() => {
        ended = true;
      });
      await vi.waitUntil(() => ended || copiers(order).length > 0, {
        timeout: LIMIT_MS,
        interval: 1,
      });
      abort.abort();
      const error = await end;
      // What cannot be slowed down may be done before it is cancelled.
      if (tool.capabilities.limitsBandwidth || error !== null)
        expect(isCancelled(error)).toBe(true);
      expect(copiers(order)).toEqual([]);
      await order.places.remove();
      for (const directory of order.places.directories) expect(existsSync(directory)).toBe(false);
    });

    it('keeps to a limit of bandwidth, where it says that it can', async () => {
      const { tool, request } = world();
      if (!tool.capabilities.limitsBandwidth) return;
      let done = 0;
      const abort = new AbortController();
      const order = await request({
        signal: abort.signal,
        bandwidthBytesPerSecond: SLOW_BYTES_PER_SECOND,
        onProgress: (bytes) => {
          done = bytes;
        },
      });
      const seconds = 3;
      const timer = setTimeout(() => abort.abort(), seconds * 1_000);
      await expect(tool.copy(order)).rejects.toSatisfy(isCancelled);
      clearTimeout(timer);
      expect(done).toBeLessThan(SLOW_BYTES_PER_SECOND * seconds * 3);
      await order.places.remove();
    });
  });
}

function isCancelled(error: unknown): boolean {
  if (error instanceof ProcessError) return error.failure.cancelled;
  // Of a tool that starts no process here.
  if (error instanceof Error && error.name === 'AbortError') return true;
  return error instanceof Error && isCancelled(error.cause);
}

function isUntold(check: string, detail: string): boolean {
  return check === 'system identifier' && detail === 'not told';
}
