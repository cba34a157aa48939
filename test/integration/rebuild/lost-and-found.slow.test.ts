import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { RebuildRig } from './rebuild-rig.ts';

let rig: RebuildRig;

afterEach(async () => rig?.remove());

it('a primary in the top of a mount point is not copied while root keeps lost+found in it', async () => {
  rig = await RebuildRig.create({
    config: (_, name) => ({ tags: { noFailover: name === 'pg2' } }),
  });
  await rig.start();
  await rig.streaming();
  const lostAndFound = join(rig.primary.dataDirectory, 'lost+found');
  // As mkfs makes it.
  mkdirSync(lostAndFound, { mode: 0o700 });
  const { standby } = rig;
  const before = rig.order(standby.name, 'basebackup');
  const { reason } = await rig.event('RebuildMethodFailed', before);
  expect(reason).toContain('rmdir lost+found');
  rmdirSync(lostAndFound);
  // What was there serves meanwhile, and the order that follows finds nothing in its way.
  const again = rig.order(standby.name, 'basebackup', true);
  expect(await rig.event('RebuildCompleted', again)).toMatchObject({ method: 'basebackup' });
  await rig.streaming();
});
