import { expect, it } from 'vitest';
import { SlowWrites } from './slow-writes.ts';

it('says once that a write takes long, and that it has ended', () => {
  const said: string[] = [];
  const disk = { writeStallMs: 0 };
  const log = {
    warn: (message: string, fields?: object) => {
      said.push(`${message} ${JSON.stringify(fields)}`);
    },
  };
  const slow = new SlowWrites(disk, log);
  const waiting = 'the disk keeps a write of the raft log waiting {"forMs":510}';
  // The third is a write of its own.
  for (const ms of [0, 450, 10, 440, 510, 560, 1_210]) {
    disk.writeStallMs = ms;
    slow.onTick();
  }
  expect(said).toEqual([waiting]);
  disk.writeStallMs = 0;
  slow.onTick();
  slow.onTick();
  expect(said).toEqual([waiting, 'the slow write of the raft log has ended {"forMs":1210}']);
});
