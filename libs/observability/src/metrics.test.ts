import { describe, expect, it } from 'vitest';
import { METRICS } from './metric-table.ts';
import { Metrics } from './metrics.ts';
import { watchProcess } from './process-metrics.ts';

describe('the table of metrics', () => {
  it.each(Object.keys(METRICS))('%s ends in a unit, a count or a state', (name) => {
    expect(name).toMatch(
      /^matriarch_[a-z_]+(_seconds|_bytes|_total|_index|_term|_epoch|_leader|_connected|_open|_serving|_paused|_up|_primary|_timeline|_attached|_entries|_waiting|_inflight|_isolated|_level|_kept|_needed|_lost|_closing|_full|_directory)$/,
    );
  });
});

describe('Metrics', () => {
  it('writes what was set, added and observed', async () => {
    const metrics = new Metrics('controller');
    metrics.set('matriarch_lease_epoch', 4, { cluster: 'main' });
    metrics.add('matriarch_lease_expiries_total', 2, { cluster: 'main' });
    metrics.observe('matriarch_raft_write_seconds', 0.003);
    const text = await metrics.text();
    expect(text).toContain('matriarch_lease_epoch{cluster="main"} 4');
    expect(text).toContain('matriarch_lease_expiries_total{cluster="main"} 2');
    expect(text).toContain('matriarch_raft_write_seconds_bucket{le="0.005"} 1');
    expect(text).not.toContain('matriarch_postgres_up');
  });

  it('answers scrapes at the same time one after the other, and the next one also when one fails', async () => {
    const metrics = new Metrics('controller');
    let scrapes = 0;
    metrics.beforeScrape(async () => {
      scrapes += 1;
      const number = scrapes;
      metrics.reset('matriarch_cluster_serving');
      metrics.set('matriarch_cluster_serving', number, { cluster: 'main' });
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (number === 2) throw new Error('the second one fails');
      metrics.set('matriarch_cluster_serving', number, { cluster: 'other' });
    });
    const [first, second, third] = await Promise.allSettled([
      metrics.text(),
      metrics.text(),
      metrics.text(),
    ]);
    const values = (answer: PromiseSettledResult<string>): unknown =>
      answer.status === 'rejected'
        ? String(answer.reason)
        : [...answer.value.matchAll(/^matriarch_cluster_serving\{.*\} (\d)$/gm)].map(([, n]) => n);
    expect([first, second, third].map(values)).toEqual([
      ['1', '1'],
      'Error: the second one fails',
      ['3', '3'],
    ]);
  });

  it('refuses a metric of another process', () => {
    const metrics = new Metrics('controller');
    expect(() => metrics.set('matriarch_postgres_up', 1)).toThrow(/a gauge of this process/);
  });

  it('measures the process at each scrape', async () => {
    const metrics = new Metrics('agent');
    const end = watchProcess(metrics);
    const text = await metrics.text();
    end();
    expect(text).toMatch(/matriarch_process_resident_bytes \d{7,}/);
    expect(text).toMatch(/matriarch_loop_delay_seconds\{quantile="0.99"\} [\d.e-]+/);
  });
});
