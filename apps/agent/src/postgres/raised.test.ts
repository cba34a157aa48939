import { describe, expect, it } from 'vitest';
import { raised } from './raised.ts';

describe('parameters with what a standby needs to start', () => {
  it('says nothing of what is enough by default', () => {
    const least = { max_connections: 100, max_prepared_transactions: 0, max_wal_senders: 10 };
    expect(raised({ work_mem: '8MB' }, least)).toEqual({ work_mem: '8MB' });
  });

  it('raises what is too small, set or not', () => {
    const least = { max_connections: 200, max_prepared_transactions: 5, max_worker_processes: 8 };
    expect(raised({ max_connections: '150' }, least)).toEqual({
      max_connections: '200',
      max_prepared_transactions: '5',
    });
  });

  it('keeps what is larger', () => {
    const given = { max_locks_per_transaction: '256' };
    expect(raised(given, { max_locks_per_transaction: 64 })).toEqual(given);
  });

  it('replaces what is no number', () => {
    const given = { max_connections: 'many' };
    expect(raised(given, { max_connections: 100 })).toEqual({ max_connections: '100' });
  });
});
