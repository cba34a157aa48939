import { uptime } from 'node:os';
import { expect, it } from 'vitest';
import { BootClock } from './boot-clock.ts';

it('tells the time since the host started, as the system does, each time anew', async () => {
  const clock = new BootClock();
  for (let reading = 0; reading < 3; reading += 1) {
    const before = Math.round(uptime() * 1_000);
    const read = clock.ms();
    const after = Math.round(uptime() * 1_000);
    expect(read).toBeGreaterThanOrEqual(before);
    expect(read).toBeLessThanOrEqual(after);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
});
