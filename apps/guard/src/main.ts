import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { codeOf, guardIncarnation, messageOf } from '#libs/kernel';
import { dropPrivileges } from '#libs/process';
import {
  type GuardSettings,
  GuardSettingsError,
  parseGuardSettings,
  SERVER_OF_OTHERS_EXIT_CODE,
} from '#libs/protocol';
import { TlsCredentials, tendCertificate } from '#libs/transport';
import { lockDirectory } from './directory-lock.ts';
import { Guard } from './guard.ts';
import { GuardLog } from './guard-log.ts';
import { noteIfNothingLeft, refuseServerOfOthers } from './server-of-others.ts';
import { ServiceManager } from './service-manager.ts';
import { SPARE_ARGUMENT, toldToBegin } from './spare.ts';
import { SystemClock } from './system-clock.ts';
import { awaitTurn, SERVICE_ARGUMENT } from './turn.ts';

const INCARNATION_BYTES = 9;
/** A broken invariant: PostgreSQL is ended by the kernel's death signal and by the fuse. */
const BROKEN_EXIT_CODE = 70;
const CANNOT_START_EXIT_CODE = 2;

async function main(): Promise<void> {
  if (process.argv[3] === SPARE_ARGUMENT && !(await toldToBegin())) return;
  const clock = new SystemClock();
  const settings = read(process.argv[2]);
  const { cluster, instance } = settings;
  const log = new GuardLog(clock, { process: 'guard', cluster, instance });
  const broken = (error: unknown): never => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.fatal('guard is broken and ends', { why: messageOf(error), stack });
    process.exit(BROKEN_EXIT_CODE);
  };
  process.on('uncaughtException', broken);
  process.on('unhandledRejection', broken);
  try {
    await run(settings, clock, log);
  } catch (error) {
    log.fatal('guard cannot start', { code: codeOf(error), why: messageOf(error) });
    process.exit(exitCodeOf(error));
  }
}

async function run(settings: GuardSettings, clock: SystemClock, log: GuardLog): Promise<void> {
  dropPrivileges(settings.postgres.user);
  // Nothing of ours may stand in a directory that is moved, unmounted, or scanned for PostgreSQL.
  process.chdir('/');
  const incarnation = guardIncarnation(randomBytes(INCARNATION_BYTES).toString('hex'));
  const { dataDirectory } = settings.postgres;
  const serviceManager = new ServiceManager(log);
  const onWaiting = (): void => serviceManager.tellReady();
  const isService = process.argv[3] === SERVICE_ARGUMENT;
  const turn = { dataDirectory, incarnation, log, onWaiting };
  const lock = isService ? await awaitTurn(turn) : lockDirectory(dataDirectory, incarnation);
  if (lock === null) process.exit(0);
  if (!isService) refuseServerOfOthers(dataDirectory, lock);
  const { predecessors } = lock;
  const { ca, certificate, key } = settings.tls;
  const files = { caPath: ca, certPath: certificate, keyPath: key };
  const credentials = await TlsCredentials.load(files);
  const end = (): void => {
    void guard.shutDown().then(() => {
      noteIfNothingLeft(dataDirectory, lock);
      process.exit(0);
    });
  };
  const parts = { settings, incarnation, predecessors, credentials, clock, log };
  const guard = new Guard({ ...parts, onShutdown: end });
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  tendCertificate(credentials, log);
  await guard.begin();
  serviceManager.tellReady();
}

/** An agent may have to take over what runs here, and tells it by this from any other failure. */
function exitCodeOf(error: unknown): number {
  return codeOf(error) === 'SERVER_OF_OTHERS' ? SERVER_OF_OTHERS_EXIT_CODE : CANNOT_START_EXIT_CODE;
}

function read(file: string | undefined): GuardSettings {
  if (file === undefined) throw new GuardSettingsError('FILE', 'given: guard FILE');
  return parseGuardSettings(JSON.parse(readFileSync(file, 'utf8')));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`guard: ${messageOf(error)}\n`);
  process.exitCode = CANNOT_START_EXIT_CODE;
}
