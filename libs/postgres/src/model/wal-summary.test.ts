import { describe, expect, it } from 'vitest';
import { WalSummariser } from './wal-summary.ts';

/** Captured from pg_waldump 15.18. */
const LINES = `
rmgr: Heap        len (rec/tot):     54/  5750, tx:        745, lsn: 0/0307A4B0, prev 0/0307A478, desc: INSERT off 3 flags 0x00, blkref #0: rel 1663/5/16384 blk 0 FPW
rmgr: Btree       len (rec/tot):     64/    64, tx:        745, lsn: 0/0307BB28, prev 0/0307A4B0, desc: INSERT_LEAF off 3, blkref #0: rel 1663/5/16388 blk 1
rmgr: Transaction len (rec/tot):     34/    34, tx:        745, lsn: 0/0307BB68, prev 0/0307BB28, desc: COMMIT 2026-11-26 12:00:01.500000 UTC
rmgr: Heap        len (rec/tot):     71/    71, tx:        746, lsn: 0/0307BB90, prev 0/0307BB68, desc: HOT_UPDATE off 3 xmax 746 flags 0x20 ; new off 4 xmax 0, blkref #0: rel 1663/5/16384 blk 0
rmgr: Transaction len (rec/tot):     34/    34, tx:        746, lsn: 0/0307BBD8, prev 0/0307BB90, desc: ABORT 2026-11-26 12:00:02.000000 UTC
rmgr: Heap2       len (rec/tot):     59/    59, tx:        747, lsn: 0/0307BC00, prev 0/0307BBD8, desc: MULTI_INSERT 2 tuples flags 0x02, blkref #0: rel 1663/5/16400 blk 0
rmgr: Transaction len (rec/tot):    109/   109, tx:        747, lsn: 0/0307BC40, prev 0/0307BC00, desc: COMMIT 2026-11-26 12:00:03.250000 UTC; inval msgs: catcache 80
pg_waldump: error: error in WAL record at 0/307BC40: invalid record length at 0/307BCB0: wanted 24, got 0
`;

describe('what a stretch of WAL did', () => {
  it('counts transactions, tells their times, and names the relations by their files', () => {
    const summariser = new WalSummariser();
    for (const line of LINES.split('\n')) summariser.take(line);
    expect(summariser.summary).toEqual({
      records: 7,
      committed: 2,
      aborted: 1,
      firstCommit: '2026-11-26 12:00:01.500000 UTC',
      lastCommit: '2026-11-26 12:00:03.250000 UTC',
      relations: [
        { file: '1663/5/16384', records: 2 },
        { file: '1663/5/16400', records: 1 },
      ],
      moreRelations: 0,
    });
  });

  it('is empty when there was nothing', () => {
    expect(new WalSummariser().summary).toMatchObject({ records: 0, firstCommit: null });
  });
});
