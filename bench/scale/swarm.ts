import { join } from 'node:path';
import { type MonotonicMs, messageOf, monotonicMs } from '#libs/kernel';
import { TlsCredentials } from '#libs/transport';
import { GuardLog } from '../../apps/guard/src/guard-log.ts';
import { SystemClock } from '../../apps/guard/src/system-clock.ts';
import { INSTANCE, leadToGrant } from './first-grant.ts';
import { LaidAside } from './laid-aside.ts';
import { RenewalTally } from './renewal-tally.ts';
import { SimulatedGuard } from './simulated-guard.ts';
import type { SwarmAnswer, SwarmOrder } from './swarm-messages.ts';

/** A process that holds many guards; started by main.ts. */
/** Each makes six TLS handshakes, which one process for thousands of hosts must end within two seconds. */
const AT_ONCE = 16;

/**
 * The boot clock is read once for all: each guard reads its host's with every turn, thousands in one process would be
 * busy with that for a tenth of their time, and a host that sleeps is no part of this bench.
 */
class SharedClock extends SystemClock {
  readonly #aheadMs = super.bootMs() - super.monotonicMs();

  override bootMs(): MonotonicMs {
    return monotonicMs(this.monotonicMs() + this.#aheadMs);
  }
}

/** Thousands of guards would say thousands of times that they are connected. */
class SilentLog extends GuardLog {
  override info(): void {}
  override warn(): void {}
}

const clock = new SharedClock();
const log = new SilentLog(clock, {});
const tally = new RenewalTally();
const laidAside = new LaidAside();

async function begin(order: Extract<SwarmOrder, { type: 'begin' }>): Promise<void> {
  const { names, controllers, certificates } = order;
  const waiting = [...names];
  let granted = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const name = waiting.shift();
      if (name === undefined) return;
      const [own, agents] = await Promise.all([
        credentialsOf(certificates, 'guard', name),
        credentialsOf(certificates, 'agent', name),
      ]);
      const guard = new SimulatedGuard(name, own, {
        ...{ controllers, clock, log, tally, laidAside },
      });
      guard.start();
      await leadToGrant(guard, agents);
      granted += 1;
      if (granted % 250 === 0) answer({ type: 'granted', count: granted });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  answer({ type: 'begun' });
}

async function credentialsOf(
  directory: string,
  role: 'guard' | 'agent',
  name: string,
): Promise<TlsCredentials> {
  const stem = join(directory, `${role}-${name}-${INSTANCE}`);
  const caPath = join(directory, 'ca.crt');
  return await TlsCredentials.load({ caPath, certPath: `${stem}.crt`, keyPath: `${stem}.key` });
}

function answer(message: SwarmAnswer): void {
  process.send?.(message);
}

process.on('message', (order: SwarmOrder) => {
  switch (order.type) {
    case 'begin':
      begin(order).catch((error: unknown) => answer({ type: 'failed', why: messageOf(error) }));
      break;
    case 'reset':
      tally.reset();
      break;
    case 'report':
      answer({ type: 'report', report: tally.report() });
      break;
  }
});
process.on('disconnect', () => process.exit());
