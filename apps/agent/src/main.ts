import { accessSync, constants, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type AgentConfig, loadAgentConfig } from '#libs/config';
import { DomainError, epochMs, messageOf, monotonicMs, seededPrng } from '#libs/kernel';
import { createLogger, type Logger, Metrics, watchProcess } from '#libs/observability';
import { dataDirectoryMajor, findInstallation, maskStartingUnits } from '#libs/postgres-run';
import { dropPrivileges } from '#libs/process';
import { expiryProblem, SignedNotes, TlsCredentials, tendCertificate } from '#libs/transport';
import { Agent } from './agent.ts';
import { collectView, recordStep } from './http/agent-metrics.ts';
import { healthServer } from './http/health-server.ts';
import { healthViewOf, peerAnswerOf, statusOf } from './http/subject.ts';
import { linkOpener } from './link/open-link.ts';
import { lockStateDirectory } from './state-directory/agent-lock.ts';

const EXIT_USAGE = 2;

const USAGE = `Usage: matriarch agent --config FILE

One for each instance of PostgreSQL. It stays in the foreground and logs one line of JSON for each thing that
happens. When it ends, its guard and PostgreSQL go on.

  --config FILE  its configuration: \`matriarch config example agent\` prints one with every key
`;

class UsageError extends DomainError {
  readonly code = 'USAGE';
}

class ApiListenError extends DomainError {
  readonly code = 'API_LISTEN';

  constructor(host: string, port: number, cause: unknown) {
    super(
      `cannot listen at api.listen ${host}:${port} (${messageOf(cause)}): end what listens there ` +
        '(`ss -ltnp`), or choose another address',
      { cause },
    );
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  if (values.config === undefined) throw new UsageError('usage: matriarch agent --config FILE');
  const config = loadAgentConfig(values.config);
  const log = createLogger({
    process: 'agent',
    level: config.logLevel,
    fields: { cluster: config.cluster, instance: config.instance },
  });
  await maskUnitsAsRoot(config, log);
  prepareStateDirectory(config);
  // Before the lock: with another's certificates it could not take that one's place either.
  const credentials = await ownCredentials(config);
  lockStateDirectory(config.stateDirectory, `${config.cluster}/${config.instance}`);
  const agent = await makeAgent(config, credentials, log);
  const server = healthServer({
    view: () => healthViewOf(agent),
    status: () => statusOf(agent),
    metrics,
    peer: () => peerAnswerOf(agent),
    preflight: () => agent.preflights.ask(),
    failsafe: agent.failsafe.endpoint,
  });
  const { host, port } = config.api.listen;
  // Before anything is done: who cannot be asked whether it lives does nothing.
  await server.listen({ host, port }).catch((cause: unknown) => {
    throw new ApiListenError(host, port, cause);
  });
  agent.start();
  log.info('agent ready', { pid: process.pid, api: `${host}:${port}` });
  const stop = (signal: string): void => {
    const handsOver = signal === 'SIGTERM' && config.onTerminate === 'handOver';
    log.info(handsOver ? 'agent hands over' : 'agent ends; guard and postgresql go on', { signal });
    const left = handsOver ? agent.leave() : Promise.resolve();
    left
      .then(() => Promise.all([server.close(), agent.stop()]))
      .then(
        () => process.exit(0),
        (error: unknown) => fail(error),
      );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

const metrics = new Metrics('agent');

async function makeAgent(
  config: AgentConfig,
  credentials: TlsCredentials,
  log: Logger,
): Promise<Agent> {
  const { binDirectory, dataDirectory } = config.postgres;
  const major = readable(dataDirectory) ? dataDirectoryMajor(dataDirectory) : undefined;
  const installation = await findInstallation({
    ...(binDirectory === null ? {} : { binDirectory }),
    ...(major === undefined || binDirectory !== null ? {} : { major }),
  });
  tendCertificate(credentials, log);
  const clock = {
    nowMs: () => epochMs(Date.now()),
    monotonicMs: () => monotonicMs(performance.now()),
    bootMs: () => monotonicMs(performance.now()),
  };
  const prng = seededPrng(process.pid * 65_537 + Date.now());
  const open = linkOpener(credentials, { clock, prng }, log);
  const agent = new Agent({
    config,
    installation,
    guardProgram: guardProgram(config.postgres.user),
    log,
    notes: new SignedNotes(credentials, clock.nowMs),
    expiry: () => expiryProblem(credentials, Date.now()),
    openLink: (name, events) => {
      const controller = config.controllers.find((entry) => entry.name === name);
      if (controller === undefined) throw new UsageError(`no controller '${name}'`);
      return open(controller, events);
    },
    onStep: (outcome) => recordStep(metrics, outcome),
  });
  watchProcess(metrics);
  metrics.beforeScrape(() => collectView(metrics, healthViewOf(agent)));
  return agent;
}

/**
 * The controllers take an agent for the instance that its certificate names: with another cluster's it
 * would do here what is meant for an instance there. The guard's is looked at for the same reason.
 *
 * @throws CertificateError, ForeignCertificateError
 */
async function ownCredentials({ cluster, instance, tls, guardTls }: AgentConfig) {
  const name = `${cluster}/${instance}`;
  const load = (role: 'agent' | 'guard', { ca: caPath, certificate, key }: AgentConfig['tls']) =>
    TlsCredentials.loadFor({ role, name }, { caPath, certPath: certificate, keyPath: key });
  await load('guard', guardTls);
  return load('agent', tls);
}

/** @throws UsageError when the user that PostgreSQL runs as, which this process is by now, cannot read it */
function guardProgram(user: string): string {
  const program = fileURLToPath(new URL('../../guard/src/main.js', import.meta.url));
  try {
    accessSync(program, constants.R_OK);
  } catch (cause) {
    const remedy = 'install Matriarch where that user can read it, for instance in /opt/matriarch';
    throw new UsageError(`${program} is not readable for '${user}': ${remedy}`, { cause });
  }
  return program;
}

/** While it still is root, no unit of the distribution may go on to start what its guard keeps (safety 10). */
async function maskUnitsAsRoot({ postgres }: AgentConfig, log: Logger): Promise<void> {
  if (process.getuid?.() !== 0) return;
  try {
    const units = await maskStartingUnits(postgres.dataDirectory);
    if (units.length > 0) log.info('units of the distribution masked', { units });
  } catch (error) {
    log.warn('units of the distribution not masked', { error });
  }
}

/** Made by whoever PostgreSQL runs as; started as root, this process becomes that user first. */
function prepareStateDirectory({ stateDirectory, postgres }: AgentConfig): void {
  dropPrivileges(postgres.user);
  try {
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    accessSync(stateDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new UsageError(
      `stateDirectory ${stateDirectory} must belong to '${postgres.user}': ${messageOf(cause)}`,
      { cause },
    );
  }
}

function readable(directory: string): boolean {
  try {
    accessSync(directory, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function fail(error: unknown): void {
  process.stderr.write(`matriarch agent: ${messageOf(error)}\n`);
  process.exit(error instanceof UsageError ? EXIT_USAGE : 1);
}

main().catch(fail);
