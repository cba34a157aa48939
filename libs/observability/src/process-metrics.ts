import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** Each sample wakes the process; a stall that is shorter than this is often missed, and hurts nobody. */
const RESOLUTION_MS = 500;
const NANOSECONDS = 1e9;
const QUANTILES = [50, 99, 100] as const;

/** Memory, processor time and event loop delay, read at each scrape. Returns what ends the watch. */
export function watchProcess(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const startedAtSeconds = performance.timeOrigin / 1_000;
  metrics.beforeScrape(() => {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    metrics.set('matriarch_process_resident_bytes', rss);
    metrics.set('matriarch_process_heap_bytes', heapUsed);
    metrics.set('matriarch_process_cpu_seconds', (user + system) / 1e6);
    metrics.set('matriarch_process_start_seconds', startedAtSeconds);
    for (const quantile of QUANTILES) {
      // The histogram counts from one timer to the next, so an idle loop shows the resolution itself.
      const lateNs = Math.max(0, delay.percentile(quantile) - RESOLUTION_MS * 1e6);
      metrics.set('matriarch_loop_delay_seconds', lateNs / NANOSECONDS, {
        quantile: String(quantile / 100),
      });
    }
    delay.reset();
  });
  return () => {
    delay.disable();
  };
}
