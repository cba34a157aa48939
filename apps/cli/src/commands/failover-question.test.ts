import { expect, it } from 'vitest';
import { cluster, instance } from '../testing/fixtures.ts';
import { failoverQuestion } from './failover-question.ts';

it('says that nobody serves, and who was not heard', () => {
  const lost = { lsn: null, lagBytes: null, lagText: null };
  const instances = [
    instance({ ...lost, name: 'pg1', role: null, state: 'silent' }),
    instance({ name: 'pg2', lagText: '16 kB' }),
  ];
  expect(failoverQuestion(cluster({ phase: 'down', instances }), { acceptLoss: true })).toBe(
    'No primary of main serves now.\n' +
      'Behind it: pg1 (silent), pg2 16 kB.\n' +
      'Fail main over to the most advanced standby (--accept-loss: also beyond the lag limit)?',
  );
  expect(
    failoverQuestion(cluster({ phase: 'down', instances }), { to: 'pg2', copyAside: true }),
  ).toContain('Fail main over to pg2 with the copy that lies aside there?');
});
