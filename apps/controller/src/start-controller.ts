import 'reflect-metadata';
import type { ControllerConfig } from '#libs/config';
import { type Clock, formatAddress } from '#libs/kernel';
import { CHECK_EVERY_MS, ProtocolTooOldError } from '#libs/leader';
import type { Logger } from '#libs/observability';
import { OWN_PROTOCOL, type ProtocolRange } from '#libs/protocol';
import { type LinkSecurity, PeerServer, TlsCredentials, tendCertificate } from '#libs/transport';
import { AgentServer } from './agents/agent-server.ts';
import { ControllerCore } from './controller-core.ts';
import { giveHeapRoom } from './heap-room.ts';
import { ApiListener } from './http/api-listener.ts';
import { isolated } from './integrity/isolated.ts';
import { RefusalLog } from './links/refusal-log.ts';
import { type ApiParts, makeApi } from './make-api.ts';
import { MemberRemovedError } from './membership/member-ids.ts';
import { SeatTakenError } from './membership/seats.ts';
import { OpenedParts } from './opened-parts.ts';
import type { Replica } from './raft-host/open-replica.ts';
import { SlowWrites } from './raft-host/slow-writes.ts';
import { stepAside } from './step-aside.ts';
import { systemClock } from './system-clock.ts';
import { type Seat, takeSeat } from './take-seat.ts';

export type StartOptions = {
  readonly config: ControllerConfig;
  readonly log: Logger;
  readonly onFatal: (error: unknown) => void;
  /** Another clock than this host's: for tests of clocks that differ. */
  readonly clock?: Clock;
  /** Another range of the protocol than this version's: for tests of an upgrade. */
  readonly protocol?: ProtocolRange;
  readonly checkEveryMs?: number;
  /** Founders that need not answer before this one founds the group: the operator answers for them. */
  readonly foundWithout?: readonly string[];
  /** Ends the wait of a founder for the others. */
  readonly signal?: AbortSignal;
  /** This controller's seat was taken away: it is of no more use and should be closed. */
  readonly onRemoved?: (error: MemberRemovedError | SeatTakenError) => void;
};

export type RunningController = {
  readonly core: ControllerCore;
  readonly replica: Replica;
  readonly port: number;
  readonly apiPort: number;
  /** Hands leadership over when it has it, then lets go of everything. */
  close(): Promise<void>;
};

/** Starts one controller of a group. @throws DomainError and errors of `listen`, before it serves */
export async function startController(options: StartOptions): Promise<RunningController> {
  const { config, log, onFatal, foundWithout = [], signal = null } = options;
  const { credentials, security } = await whoItIs(config);
  const stopTending = tendCertificate(credentials, log);
  const speaks = options.protocol ?? OWN_PROTOCOL;
  const { identity } = credentials;
  const seat = await takeSeat({
    ...{ config, log, onFatal, foundWithout, signal, speaks, identity, security },
  });
  const { network, founding, replica } = seat;
  const { host, storage } = replica;
  const opened = new OpenedParts();
  opened.add(() => storage.close());
  opened.add(() => host.stop());
  opened.add(() => network.stop());
  opened.add(() => founding.close());
  opened.add(stopTending);
  opened.add(giveHeapRoom(() => host.store.clusters().length, log));
  try {
    requireKnown(config, host, speaks);
    if (host.isolated !== null) {
      log.error('controller isolated', { why: isolated(config.name, host.isolated) });
    }
    return await serve(options, seat, { credentials, security, opened, speaks });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** @throws ProtocolTooOldError when the group has gone on to what this version does not know */
function requireKnown(
  { name }: ControllerConfig,
  { store }: Replica['host'],
  { protocolMax }: ProtocolRange,
): void {
  if (store.protocol > protocolMax)
    throw new ProtocolTooOldError(name, protocolMax, store.protocol);
}

type Serving = {
  readonly credentials: TlsCredentials;
  readonly security: LinkSecurity;
  readonly speaks: ProtocolRange;
  /** What is opened here is let go with the rest. */
  readonly opened: OpenedParts;
};

/** Listens to peers, agents, guards and people, and sets the loop going. */
async function serve(
  options: StartOptions,
  seat: Seat,
  { credentials, security, speaks, opened }: Serving,
): Promise<RunningController> {
  const { config, log } = options;
  const { self, founding, network, replica } = seat;
  const { host, storage } = replica;
  const apiAddress = apiAddressOf(config);
  const core = coreOf(options, seat, { apiAddress, protocolMax: speaks.protocolMax });
  const agents = new AgentServer(core.stream, () => core.leader);
  const parts = { config, log, core, network, agents, security, self, replica };
  const http = await makeApi({ ...parts, apiAddress });
  opened.add(() => http.app.close());
  await founding.close();
  const peers = await listenForPeers(parts);
  opened.add(() => peers.close());
  const api = new ApiListener(http.handle, credentials.options);
  await api.listen(config.api.host, config.api.port);
  opened.add(() => api.close());
  opened.add(credentials.onReload((renewed) => api.renew(renewed)));
  core.followMembers();
  await storage.keepReserve();
  host.listen(new SlowWrites(host, log));
  host.start();
  const { name } = config;
  log.info('controller started', {
    ...{ name, listen: peers.port, api: api.port, groupId: self.groupId },
  });
  const close = async (): Promise<void> => {
    await stepAside(host, systemClock);
    await opened.close();
    log.info('controller stopped');
  };
  return { core, replica, port: peers.port, apiPort: api.port, close };
}

function coreOf(
  options: StartOptions,
  { self, network, replica, unapplied }: Seat,
  told: { readonly apiAddress: string; readonly protocolMax: number },
): ControllerCore {
  const { config, log, onRemoved } = options;
  const { name, timing, avoidPrimaryHosts } = config;
  const { host, storage } = replica;
  const { groupId, memberId, incarnation: ownIncarnation } = self;
  return new ControllerCore({
    ...{ host, storage, network, log, groupId, ownIncarnation, unapplied },
    clock: options.clock ?? systemClock,
    ...told,
    electionTimeoutMs: timing.electionMs,
    tickMs: timing.tickMs,
    avoidPrimaryHosts,
    checkEveryMs: options.checkEveryMs ?? CHECK_EVERY_MS,
    onRemoved: (index) => onRemoved?.(new MemberRemovedError(name, memberId, index)),
    onSeatTaken: () => onRemoved?.(new SeatTakenError(name, memberId)),
  });
}

/** @throws ForeignCertificateError, and what is wrong with the files */
async function whoItIs({ name, tls, insecurePlainTransport }: ControllerConfig): Promise<{
  readonly credentials: TlsCredentials;
  readonly security: LinkSecurity;
}> {
  const { ca: caPath, certificate: certPath, key: keyPath } = tls;
  const own = { role: 'controller', name } as const;
  const credentials = await TlsCredentials.loadFor(own, { caPath, certPath, keyPath });
  const security: LinkSecurity = insecurePlainTransport
    ? { kind: 'plain-for-benchmark' }
    : { kind: 'mutual-tls', credentials };
  return { credentials, security };
}

function listenForPeers(parts: Omit<ApiParts, 'apiAddress'>): Promise<PeerServer> {
  const { config, log, core, network, agents, security, self } = parts;
  const refusals = new RefusalLog(log);
  return PeerServer.listen({
    ...config.listen,
    ...{ security, self, clock: systemClock },
    channels: {
      'raft-control': network.accept,
      'raft-bulk': network.accept,
      guard: core.guards.accept,
      agent: agents.accept,
      session: core.sessions.accept,
    },
    onRefused: (refused) => refusals.tell(refused),
  });
}

/** Where other processes reach the API: a wildcard is no address to give away. */
function apiAddressOf({ api, advertise }: ControllerConfig): string {
  const wildcard = api.host === '0.0.0.0' || api.host === '::';
  return formatAddress({ host: wildcard ? advertise.host : api.host, port: api.port });
}
