import { describe, expect, it } from 'vitest';
import { REMOTE_NAME } from '#libs/cluster';
import { type AdmissionFacts, judgeAdmission } from './admission.ts';

const room = { senders: 3, sendersUsed: 1, slots: 2, slotNames: ['pg2'], keptFrom: null };
const facts: AdmissionFacts = {
  server: 'pg1',
  user: 'replicator',
  wanted: 2,
  refused: null,
  room,
  slotName: 'pg2',
};
const sqlError = (code: string, message: string) => Object.assign(new Error(message), { code });
const why = (change: Partial<AdmissionFacts>) =>
  judgeAdmission({ ...facts, ...change }).find(({ ok }) => !ok)?.detail ?? null;

describe('a copy, and who streams afterwards', () => {
  it('is let in when every walsender was there and its slot is, or can be made', () => {
    expect(judgeAdmission(facts).map(({ name, ok }) => [name, ok])).toEqual([
      ['replication', true],
      ['slot', true],
    ]);
    expect(why({ slotName: 'pg3' })).toBeNull();
    expect(why({ room: null, slotName: 'pg3' })).toBeNull();
  });

  it('is not asked about where nothing streams', () => {
    expect(judgeAdmission({ ...facts, wanted: 0, slotName: null })).toEqual([]);
  });

  it.each([
    {
      given: 'no walsender is left',
      change: {
        refused: sqlError('53300', 'number of requested standby connections exceeds 3'),
        room: { ...room, sendersUsed: 2 },
      },
      says: [
        'max_wal_senders = 3 on pg1, 2 in use, 2 needed: pg1 refuses replicator: number of',
        'raise the limit',
      ],
    },
    {
      given: 'pg_hba.conf has no line',
      change: { refused: sqlError('28000', 'no pg_hba.conf entry for host "10.0.0.2"') },
      says: ['pg1 refuses replicator: no pg_hba.conf entry for host "10.0.0.2"', '`pgHba`'],
    },
    {
      given: 'the password is another one',
      change: { refused: sqlError('28P01', 'password authentication failed') },
      says: ["the cluster's password of replicator"],
    },
    {
      given: 'the role does not replicate',
      change: { refused: sqlError('42501', 'must be replication role') },
      says: ['ALTER ROLE "replicator" REPLICATION'],
    },
    {
      given: 'the server may not read its own files',
      change: {
        refused: sqlError('42501', 'could not open file "global/1260": Permission denied'),
      },
      says: ['Permission denied; give its data directory back'],
    },
    {
      given: 'nobody answers',
      change: { refused: sqlError('ECONNREFUSED', 'connect ECONNREFUSED 10.0.0.1:5432') },
      says: ['pg1 does not answer: connect ECONNREFUSED 10.0.0.1:5432'],
    },
    {
      given: 'every slot is in use',
      change: { slotName: 'pg3', room: { ...room, slots: 1 } },
      says: ['max_replication_slots = 1 on pg1, all in use (pg2), none for pg3', 'drop one'],
    },
    {
      given: 'a remote primary has not the slot that is named',
      change: { server: REMOTE_NAME, slotName: 'site_b' },
      says: ['remote-primary has no slot site_b', '`slots.permanent`'],
    },
  ])('is refused with the value and the way out when $given', ({ change, says }) => {
    for (const text of says) expect(why(change)).toContain(text);
  });
});
