import { loadControllerConfig } from '#libs/config';
import { createLogger } from '#libs/observability';
import { startController } from '../../apps/controller/src/start-controller.ts';

/**
 * A controller without TLS between processes (docs/adr/0007), to compare like with like: there is no
 * other way to start one.
 */
const config = loadControllerConfig(process.argv[2] ?? '');
const { name, logLevel: level } = config;
const log = createLogger({ process: 'controller', level, fields: { controller: name } });
const onFatal = (error: unknown): void => {
  log.fatal('the controller ends', { error });
  process.exit(1);
};
process.on('uncaughtException', onFatal);
process.on('unhandledRejection', onFatal);
const running = await startController({ config, log, onFatal, plainForBenchmark: true });
process.once('SIGTERM', () => {
  running.close().then(() => process.exit(0), onFatal);
});
