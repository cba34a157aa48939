import { expect, it } from 'vitest';
import { Metrics } from '#libs/observability';
import { healthServer } from './health-server.ts';
import type { HealthView } from './health-view.ts';

const nothingSeen: HealthView = {
  report: null,
  lookAgeMs: 10,
  leaseRemainingMs: null,
  goal: null,
  state: null,
  noLoadBalance: false,
  tags: {},
  connectedControllers: 0,
  clientsKeptOut: false,
};

it('answers GET with a body, HEAD and OPTIONS without, and unknown paths with 503', async () => {
  const metrics = new Metrics('agent');
  const status = () => ({ state: 'unknown' });
  const peer = () => ({ cluster: 'orders', instance: 'pg1', guardAnswers: true });
  const app = healthServer({
    view: () => nothingSeen,
    status,
    metrics,
    peer,
    preflight: async () => null,
    failsafe: { answer: () => ({ text: '', certificate: '', signature: '' }), members: () => null },
  });
  const codes: Record<string, number> = {};
  for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) {
    for (const url of ['/primary', '/liveness', '/nothing']) {
      const response = await app.inject({ method, url });
      codes[`${method} ${url}`] = response.statusCode;
      const withBody = method === 'GET' && url !== '/liveness';
      if (method !== 'OPTIONS' || url !== '/nothing') {
        expect(response.body !== '', `${method} ${url}`).toBe(withBody);
      }
    }
  }
  expect(codes).toEqual({
    'GET /primary': 503,
    'GET /liveness': 200,
    'GET /nothing': 503,
    'HEAD /primary': 503,
    'HEAD /liveness': 200,
    'HEAD /nothing': 503,
    'OPTIONS /primary': 503,
    'OPTIONS /liveness': 200,
    'OPTIONS /nothing': 503,
  });
  const scraped = await app.inject({ method: 'GET', url: '/metrics' });
  expect(scraped.body).toContain('matriarch_postgres_up');
  await app.close();
});
