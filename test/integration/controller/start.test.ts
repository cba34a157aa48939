import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ThreeControllers } from './controllers.ts';

const ALONE = { foundWithout: ['c1', 'c2', 'c3'] };

describe('a controller that cannot start as it was told', () => {
  let group: ThreeControllers;
  beforeEach(async () => {
    group = await ThreeControllers.make();
  });
  afterEach(() => group.close());

  it('names the controller whose directory it was given', async () => {
    await group.start('c1', ALONE);
    await group.stop('c1');
    await expect(group.start('c2', { directoryOf: 'c1' })).rejects.toThrow(
      /holds the data of controller 'c1', this one is 'c2'/,
    );
    // Nothing was changed by the attempt.
    await group.start('c1');
  });

  it('says that the directory is in use', async () => {
    await group.start('c1', ALONE);
    const { lines } = group;
    await expect(group.start('c2', { directoryOf: 'c1' })).rejects.toThrow(/in use/);
    expect(lines.filter(({ level }) => level === 'fatal')).toEqual([]);
  });

  it('refuses the certificate of another process', async () => {
    await expect(group.start('c1', { certificateOf: 'c2' })).rejects.toThrow(
      /is the certificate of controller 'c2', this is controller 'c1'/,
    );
  });

  it('refuses the directory of another group', async () => {
    await group.start('c1', ALONE);
    await group.stop('c1');
    const other = await ThreeControllers.make();
    try {
      const directory = group.directoryOf('c1');
      await expect(other.start('c1', { directory })).rejects.toThrow(/belongs to group/);
    } finally {
      await other.close();
    }
  });

  it('lets the directory go when a port is taken', async () => {
    await group.start('c1', ALONE);
    await expect(group.start('c2', { portsOf: 'c1' })).rejects.toThrow(/EADDRINUSE/);
    await group.start('c2', ALONE);
  });
});
