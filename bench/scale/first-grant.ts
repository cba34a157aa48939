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
 * Says over an agent's link what leads to the first epoch, and that PostgreSQL then serves. To whoever leads
 * by what the guard heard: with links to all, half of the time that thousands need would go into handshakes.
 */
export async function leadToGrant(
  guard: SimulatedGuard,
  credentials: TlsCredentials,
): Promise<void> {
  const links = new Map<string, PeerLink>();
  let id = 0;
  const say = (report: AgentReport): void => {
    const { leaderAddress } = guard;
    if (leaderAddress === null) return;
    const link = links.get(leaderAddress) ?? agentLink(leaderAddress, guard, credentials);
    if (!links.has(leaderAddress)) link.start();
    links.set(leaderAddress, link);
    id += 1;
    if (link.state === 'up') link.send(AgentFrame.request, encode([id, 'report', report]));
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
  for (const link of links.values()) link.stop();
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
