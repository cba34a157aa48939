import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type ControllerConfig, formatAddress } from '#libs/config';
import { seededPrng } from '#libs/kernel';
import { CHECK_EVERY_MS, ProtocolTooOldError } from '#libs/leader';
import {
  type Logger,
  Metrics,
  type NestLogger,
  nestLogger,
  watchProcess,
} from '#libs/observability';
import { incarnationOn, OWN_PROTOCOL, type ProtocolRange } from '#libs/protocol';
import {
  type LinkSecurity,
  type LinkSelf,
  PeerServer,
  TlsCredentials,
  tendCertificate,
} from '#libs/transport';
import { AgentServer } from './agents/agent-server.ts';
import { CommandHandler } from './cluster/command-handler.ts';
import { MemberViews } from './cluster/member-views.ts';
import { ReadModel } from './cluster/read-model.ts';
import { collectMetrics } from './collect-metrics.ts';
import { controllerModule } from './controller.module.ts';
import { ControllerCore } from './controller-core.ts';
import { ApiListener } from './http/api-listener.ts';
import { guardFrontDoor } from './http/front-door.ts';
import { LeaderRelay } from './http/leader-relay.ts';
import { ProblemFilter } from './http/problem.filter.ts';
import { isolated } from './integrity/isolated.ts';
import { PeerNetwork } from './links/peer-network.ts';
import { RefusalLog } from './links/refusal-log.ts';
import { type AdmissionOptions, awaitAdmission } from './membership/await-admission.ts';
import { Founding } from './membership/founding.ts';
import { MemberRemovedError } from './membership/member-ids.ts';
import { MembershipOrders } from './membership/membership-orders.ts';
import { SeatTakenError } from './membership/seats.ts';
import { OpenedParts } from './opened-parts.ts';
import { openReplica, type Replica } from './raft-host/open-replica.ts';
import { openSeat, type SeatEntry } from './raft-host/open-seat.ts';
import { stepAside } from './step-aside.ts';
import { systemClock } from './system-clock.ts';

export type StartOptions = {
  readonly config: ControllerConfig;
  readonly log: Logger;
  readonly onFatal: (error: unknown) => void;
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

const BODY_LIMIT_BYTES = 4 * 1_024 * 1_024;
/** Drawn once per process: election timeouts must differ between members. */
const seed = randomBytes(4).readUInt32BE(0);

/** Starts one controller of a group. @throws DomainError and errors of `listen`, before it serves */
export async function startController(options: StartOptions): Promise<RunningController> {
  const { config, log, onFatal } = options;
  const { name, timing } = config;
  const { credentials, security } = await whoItIs(config);
  const stopTending = tendCertificate(credentials, log);
  const { identity } = credentials;
  const { groupId } = identity;
  const clock = systemClock;
  const speaks = options.protocol ?? OWN_PROTOCOL;
  const started = randomBytes(8).toString('hex');
  const directoryId = randomBytes(8).toString('hex');
  const incarnation = incarnationOn(directoryId, started);
  const stranger = { ...identity, memberId: 0, incarnation, speaks };
  const { foundWithout: without = [], signal } = options;
  const founding = new Founding({
    ...{ config, security, self: stranger, incarnation: started, log, without },
    ...(signal === undefined ? {} : { signal }),
  });
  const entry = seatEntry({ config, security, self: stranger, log }, founding);
  const directory = config.stateDirectory;
  const seat = await openSeat({ groupId, name, directory, entry, directoryId });
  const { memberId, directoryId: found } = seat.recovered;
  const self = { ...stranger, memberId, incarnation: incarnationOn(found, started) };
  const network = new PeerNetwork({ self, security, clock, prng: seededPrng(seed), log });
  const replica = await openReplica(seat, { timing, clock, log, seed, onFatal, links: network });
  const { host, storage } = replica;
  const opened = new OpenedParts();
  opened.add(() => storage.close());
  opened.add(() => host.stop());
  opened.add(() => network.stop());
  opened.add(() => founding.close());
  opened.add(stopTending);
  try {
    const { protocol } = host.store;
    if (protocol > speaks.protocolMax) {
      throw new ProtocolTooOldError(name, speaks.protocolMax, protocol);
    }
    if (host.isolated !== null) {
      log.error('controller isolated', { why: isolated(name, host.isolated) });
    }
    const apiAddress = apiAddressOf(config);
    const core = new ControllerCore({
      ...{ host, storage, network, clock, log, groupId, apiAddress },
      electionTimeoutMs: timing.electionMs,
      tickMs: timing.tickMs,
      avoidPrimaryHosts: config.avoidPrimaryHosts,
      protocolMax: speaks.protocolMax,
      checkEveryMs: options.checkEveryMs ?? CHECK_EVERY_MS,
      ownIncarnation: self.incarnation,
      unapplied: seat.recovered.tail,
      onRemoved: (index) => options.onRemoved?.(new MemberRemovedError(name, memberId, index)),
      onSeatTaken: () => options.onRemoved?.(new SeatTakenError(name, memberId)),
    });
    const agents = new AgentServer(core.stream, () => core.leader);
    const parts: PeerParts = { options, core, network, agents, security, self };
    const http = await makeApi({ ...parts, replica, groupId, apiAddress });
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
    host.start();
    log.info('controller started', { name, listen: peers.port, api: api.port, groupId });
    const close = async (): Promise<void> => {
      await stepAside(host, clock);
      await opened.close();
      log.info('controller stopped');
    };
    return { core, replica, port: peers.port, apiPort: api.port, close };
  } catch (error) {
    await opened.close();
    throw error;
  }
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

/** What a fresh directory does: found the group, or wait at its door. */
function seatEntry(options: AdmissionOptions, founding: Founding): SeatEntry {
  const { controllers, join } = options.config;
  if (join !== null) return { kind: 'join', admitted: () => awaitAdmission(options) };
  const founders = controllers.map(({ name, address }) => ({
    name,
    address: formatAddress(address),
  }));
  return { kind: 'found', founders, mayFound: () => founding.permission() };
}

type PeerParts = {
  readonly options: StartOptions;
  readonly core: ControllerCore;
  readonly network: PeerNetwork;
  readonly agents: AgentServer;
  readonly security: LinkSecurity;
  readonly self: LinkSelf;
};

function listenForPeers(parts: PeerParts): Promise<PeerServer> {
  const { options, core, network, agents, security, self } = parts;
  const { config, log } = options;
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

type ApiParts = PeerParts & {
  readonly replica: Replica;
  readonly groupId: string;
  readonly apiAddress: string;
};

/** Nest tells of each route that it maps; that is of interest to its developers only. */
function quietNest(log: Logger): NestLogger {
  const logger = nestLogger(log.child({ part: 'nest' }));
  return { ...logger, log: logger.debug };
}

/** The Nest application without a port of its own: requests are handed in by the listener. */
async function makeApi(
  parts: ApiParts,
): Promise<{ readonly app: NestFastifyApplication; readonly handle: RequestListener }> {
  const { options, replica, core, network, agents, security, self, groupId, apiAddress } = parts;
  const { log, config } = options;
  const { host } = replica;
  const metrics = new Metrics('controller');
  watchProcess(metrics);
  const model = new ReadModel(host, core.reader, () => core.service);
  collectMetrics(metrics, {
    ...{ core, host, network, model, clock: systemClock },
    diskAvailableBytes: () => replica.storage.availableBytes,
  });
  const commands = new CommandHandler(host, systemClock, () => core.service);
  const members = new MemberViews({ core, host, network, ownName: config.name, apiAddress });
  let handle: RequestListener = () => undefined;
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory: (handler: RequestListener) => {
      handle = handler;
      return createServer(handler);
    },
  });
  const relay = new LeaderRelay(network);
  const orders = new MembershipOrders({
    ...{ host, promoter: core.promoter, security, self },
    electionTimeoutMs: config.timing.electionMs,
  });
  core.onHttpMessage = (message, from) => relay.onMessage(message, from);
  const name = config.name;
  guardFrontDoor(adapter.getInstance(), { core, host, relay, groupId, name });
  const app = await NestFactory.create<NestFastifyApplication>(
    controllerModule({
      ...{ core, host, commands, model, members, metrics, orders, relay },
      storage: replica.storage,
    }),
    adapter,
    { logger: quietNest(log), abortOnError: false },
  );
  app.useGlobalFilters(new ProblemFilter(log));
  app.connectMicroservice({ strategy: agents });
  await app.startAllMicroservices();
  await app.init();
  await adapter.getInstance().ready();
  return { app, handle };
}
