import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { expiryProblem, watchExpiry } from './certificate-expiry.ts';

const DAY_MS = 86_400_000;
const certificate = { certPath: '/tls/a.crt', validToMs: Date.parse('2029-03-01T00:00:00Z') };
const before = (days: number): number => certificate.validToMs - days * DAY_MS;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a certificate is told of a month before it ends, with the way out', () => {
  expect(expiryProblem(certificate, before(31))).toBeNull();
  expect(expiryProblem(certificate, before(12))).toBe(
    'the certificate /tls/a.crt ends at 2029-03-01T00:00:00.000Z, in 12 days: after that nobody takes a new ' +
      'connection with it. Issue it anew with `matriarch certs issue`, then send SIGHUP',
  );
  expect(expiryProblem(certificate, before(-1))).toContain('ended at 2029-03-01');
});

it('it is told once a day, until it was renewed', () => {
  const lines: string[] = [];
  const watched = { ...certificate };
  let now = before(31);
  const end = watchExpiry(watched, { warn: (message) => void lines.push(message) }, () => now);
  expect(lines).toEqual([]);
  for (let day = 0; day < 3; day += 1) {
    now += DAY_MS;
    vi.advanceTimersByTime(DAY_MS);
  }
  expect(lines).toHaveLength(3);
  watched.validToMs += 800 * DAY_MS;
  vi.advanceTimersByTime(DAY_MS);
  expect(lines).toHaveLength(3);
  end();
});
