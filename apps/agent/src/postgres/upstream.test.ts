import { expect, it } from 'vitest';
import { endpointsOf, placeOf } from '#libs/cluster';
import { formatConninfo } from '#libs/postgres-model';
import { hostAndPort, upstreamIn } from './upstream.ts';

it.each([
  ['db1', { host: 'db1', port: '5432' }],
  ['db1,db2', { host: 'db1,db2', port: '5432' }],
  ['db1:5432,db2:5433', { host: 'db1,db2', port: '5432,5433' }],
  ['[fd00::1]:5432,db2:5433', { host: 'fd00::1,db2', port: '5432,5433' }],
])('%s is read back from primary_conninfo as it was given', (host, written) => {
  const upstream = placeOf(endpointsOf({ host, port: 5432 }));
  expect(hostAndPort(upstream)).toEqual(written);
  const primary_conninfo = formatConninfo(hostAndPort(upstream));
  expect(upstreamIn({ primary_conninfo })).toEqual(upstream);
});
