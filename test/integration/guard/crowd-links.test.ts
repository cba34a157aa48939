import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epochMs, guardIncarnation } from '#libs/kernel';
import { createAuthority, issueCertificate, TlsCredentials } from '#libs/transport';
import { ControllerLinks } from '../../../apps/guard/src/controller-links.ts';
import { GuardLog } from '../../../apps/guard/src/guard-log.ts';
import { SystemClock } from '../../../apps/guard/src/system-clock.ts';
import { until } from '../until.ts';
import { ScriptedControllers } from './scripted-controllers.ts';

/** A hurried link is there within milliseconds; one of a crowd waits for a minute or two. */
const HURRIED_MS = 1_500;

class SilentLog extends GuardLog {
  override info(): void {}
  override warn(): void {}
}

describe('links of a guard among thousands', () => {
  let directory: string;
  let controllers: ScriptedControllers;
  let links: ControllerLinks;
  let inCrowd: boolean;
  let answers: number;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'matriarch-links-'));
    const now = epochMs(Date.now());
    const authority = await createAuthority({ directory, now });
    controllers = await ScriptedControllers.listen(authority);
    const common = { authority, now, hosts: [], directory };
    const issued = await issueCertificate({ ...common, role: 'guard', name: 'shop/pg1' });
    const clock = new SystemClock();
    links = new ControllerLinks(
      {
        settings: { controllers: controllers.addresses },
        incarnation: guardIncarnation('one-of-a-crowd'),
        credentials: await TlsCredentials.load(issued),
        clock,
        log: new SilentLog(clock, {}),
      },
      {
        onUp: () => undefined,
        onDown: () => undefined,
        onAnswer: (_controller, { type }) => {
          if (type === 'renewed') answers += 1;
        },
        inCrowd: () => inCrowd,
      },
    );
    answers = 0;
    links.start();
    await until(() => links.connected === 3, 5_000);
    inCrowd = true;
    await controllers.die('c3', { isBackAtOnce: true });
    await until(() => links.connected === 2, 5_000);
  });

  afterEach(async () => {
    links.stop();
    await controllers.close();
    rmSync(directory, { recursive: true });
  });

  it('do not all dial the third controller when the second of three dies', async () => {
    await controllers.die('c1', { isBackAtOnce: false });
    await until(() => links.connected === 1, 5_000);
    await pause(HURRIED_MS);
    expect(links.connected).toBe(1);
    expect(links.isUp('c2')).toBe(true);
  });

  it('nor when each of them lost its right, while they still hear somebody', async () => {
    controllers.asksSeldom('c2', 800);
    await until(() => answers === 1, 5_000);
    inCrowd = false;
    await controllers.die('c1', { isBackAtOnce: false });
    await until(() => links.connected === 1, 5_000);
    await pause(HURRIED_MS);
    expect(links.connected).toBe(1);
  });

  it('dial at once when nobody is left', async () => {
    await controllers.die('c1', { isBackAtOnce: false });
    await controllers.die('c2', { isBackAtOnce: false });
    await until(() => links.isUp('c3'), HURRIED_MS);
  });

  it('dial at once when there are few of them', async () => {
    inCrowd = false;
    await controllers.die('c1', { isBackAtOnce: false });
    await until(() => links.isUp('c3'), HURRIED_MS);
  });
});
