import { describe, expect, it } from 'vitest';
import { seededPrng } from '#libs/kernel';
import { Scheduler } from '../raft-simulator/scheduler.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';

const USUAL = { delayMs: 1, lossChance: 0, tailChance: 0, tailMs: 0 };
const LATE_MS = 900;

function twoHosts() {
  const scheduler = new Scheduler();
  const network = new SimNetwork(scheduler, seededPrng(1), USUAL);
  const [a, b] = [
    new SimHost(0, 'a', scheduler, 1, 0),
    new SimHost(1, 'b', scheduler, 1, 0),
  ] as const;
  const came: string[] = [];
  const send = (from: SimHost, to: SimHost, what: string): void =>
    network.send(from, to, () => came.push(`${what} ${Math.round(scheduler.nowMs / 100) * 100}`));
  const pass = (ms: number): void => {
    const untilMs = scheduler.nowMs + ms;
    while (scheduler.runNext(untilMs));
  };
  return { network, a, b, came, send, pass };
}

describe('a direction that is slow', () => {
  it('delays what goes that way, and nothing else', () => {
    const { network, a, b, came, send, pass } = twoHosts();
    network.delayOneWay(a, b, LATE_MS);
    send(a, b, 'there');
    send(b, a, 'back');
    pass(2_000);
    expect(came).toEqual(['back 0', 'there 900']);
  });

  it('brings what was under way although nothing gets out the other way any more', () => {
    const { network, a, b, came, send, pass } = twoHosts();
    network.delayOneWay(a, b, LATE_MS);
    send(a, b, 'answer');
    pass(300);
    network.cutOneWay(b, a);
    send(b, a, 'request');
    pass(2_000);
    expect(came).toEqual(['answer 900']);
  });

  it('is as quick as before once it is mended, but overtakes nothing', () => {
    const { network, a, b, came, send, pass } = twoHosts();
    network.delayOneWay(a, b, LATE_MS);
    send(a, b, 'late');
    network.mend();
    send(a, b, 'next');
    pass(1_500);
    send(a, b, 'quick');
    pass(1_000);
    expect(came).toEqual(['late 900', 'next 900', 'quick 1500']);
  });
});
