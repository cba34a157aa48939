import { setTimeout as pause } from 'node:timers/promises';
import type { AgentReport } from '#libs/cluster';
import { instanceName, lsnOf, seededPrng, timelineId } from '#libs/kernel';
import { AgentFrame, encode } from '#libs/protocol';
import { PeerLink, type TlsCredentials } from '#libs/transport';
import { parseAddress } from '../../apps/guard/src/address.ts';
import type { SimulatedGuard } from './simulated-guard.ts';

export const INSTANCE = 'pg1';
const STEP_MS = 250;
const ATTEMPTS = 240;

/**
 * Says over an agent's links what leads to the first epoch, and that PostgreSQL then serves. To every
 * controller, since leadership may move while thousands connect; only the leader takes it.
 */
export async function leadToGrant(
  guard: SimulatedGuard,
  credentials: TlsCredentials,
): Promise<void> {
  const links = guard.parts.controllers.map(({ address }) =>
    agentLink(address, guard, credentials),
  );
  for (const link of links) link.start();
  let id = 0;
  const say = (report: AgentReport): void => {
    id += 1;
    const body = encode([id, 'report', report]);
    for (const link of links) if (link.state === 'up') link.send(AgentFrame.request, body);
  };
  let granted = false;
  void guard.granted.then(() => {
    granted = true;
  });
  for (let attempt = 0; attempt < ATTEMPTS && !granted; attempt += 1) {
    say(attempt % 2 === 0 ? emptyReport(guard) : initialisedReport(guard));
    await pause(STEP_MS);
  }
  if (!granted) throw new Error(`${guard.cluster} was not granted its first epoch`);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    say(servingReport(guard));
    await pause(STEP_MS);
  }
  for (const link of links) link.stop();
}

function agentLink(address: string, guard: SimulatedGuard, credentials: TlsCredentials): PeerLink {
  return new PeerLink({
    ...parseAddress(address),
    channel: 'agent',
    security: { kind: 'mutual-tls', credentials },
    self: { ...credentials.identity, memberId: 0, incarnation: guard.incarnation },
    expectedName: null,
    time: { clock: guard.parts.clock, prng: seededPrng(process.pid) },
    onFrame: () => undefined,
    onUp: () => undefined,
    onDown: () => undefined,
  });
}

function emptyReport({ incarnation }: SimulatedGuard): AgentReport {
  return {
    instance: instanceName(INSTANCE),
    actedVersion: 0,
    postgresEndpoint: { host: '127.0.0.1', port: 5_432 },
    agentEndpoint: { host: '127.0.0.1', port: 8_008 },
    tags: { noFailover: false, noLoadBalance: false, failoverPriority: 0 },
    guard: { incarnation, epoch: null, remainingMs: null },
    dataDirectory: { kind: 'empty' },
    postgres: { kind: 'stopped' },
    detached: null,
    downForMs: 0,
    abandonedHandOver: null,
    activity: null,
    problem: null,
  };
}

function initialisedReport(guard: SimulatedGuard): AgentReport {
  return {
    ...emptyReport(guard),
    dataDirectory: {
      kind: 'initialised',
      systemIdentifier: '7123456789012345678',
      walEnd: null,
      timeline: timelineId(1),
      ancestors: [],
      cleanShutdown: true,
    },
  };
}

function servingReport(guard: SimulatedGuard): AgentReport {
  const { incarnation, epoch } = guard;
  return {
    ...initialisedReport(guard),
    guard: { incarnation, epoch, remainingMs: 3_000 },
    postgres: {
      kind: 'primary',
      timeline: timelineId(1),
      writeLsn: lsnOf(0x3000000n),
      readOnly: false,
      standbys: [],
    },
  };
}
