import { parseArgs } from 'node:util';
import { DomainError, messageOf } from '#libs/kernel';
import { runCheck } from './check.ts';
import { DirectoryClaim } from './directories.ts';
import { requireFreePorts } from './free-ports.ts';
import { HttpClusterApi } from './http-cluster-api.ts';
import { LiveDemo } from './live.ts';
import { DEMO_BASE_PORT, loopbackPlan, portsOf } from './plan.ts';
import { RunningCluster } from './running-cluster.ts';
import { Terminal } from './terminal.ts';

const USAGE = `matriarch demo [--check] [--dir DIRECTORY] [--port-base PORT]

Three controllers and three PostgreSQL instances on this machine, with a client that writes all the
while and a menu of faults. Everything lies in one directory and is gone afterwards.

  --check           no terminal: bootstrap, four faults, one line of JSON; exit 0 when nothing was lost
  --dir DIRECTORY   a new or empty directory, kept afterwards (default: a temporary one, removed)
  --port-base PORT  the first of the ports (default ${DEMO_BASE_PORT}; up to + 32 are used)
`;
const EXIT_OK = 0;
const EXIT_BROKEN = 1;
const EXIT_COULD_NOT_RUN = 2;
const LOOPBACK = '127.0.0.1';

type DemoArguments = {
  readonly check: boolean;
  readonly directory: string | null;
  readonly basePort: number;
};

class DemoArgumentError extends DomainError {
  readonly code = 'DEMO_ARGUMENT';
}

async function main(): Promise<number> {
  const request = readArguments(process.argv.slice(2));
  if (request === 'help') {
    process.stdout.write(USAGE);
    return EXIT_OK;
  }
  if (!request.check && !(process.stdin.isTTY && process.stdout.isTTY)) {
    throw new DemoArgumentError('the demo needs a terminal: use --check without one');
  }
  await requireFreePorts(LOOPBACK, portsOf(loopbackPlan('/', request.basePort)));
  const claim = DirectoryClaim.take(request.directory);
  const plan = loopbackPlan(claim.directory, request.basePort);
  const cluster = new RunningCluster(plan, { clientNetwork: `${LOOPBACK}/32` });
  await cluster.prepare();
  const api = new HttpClusterApi(plan);
  const ok = request.check ? await check(cluster, api) : await live(cluster, api);
  if (ok) claim.release();
  else tell(`the logs are in ${plan.logsDirectory} and the directories beside it, which are kept`);
  return ok ? EXIT_OK : EXIT_BROKEN;
}

async function check(cluster: RunningCluster, api: HttpClusterApi): Promise<boolean> {
  const ended = new AbortController();
  onEndSignal(() => ended.abort(new Error('interrupted')));
  tell(`everything lies in ${cluster.plan.directory}`);
  try {
    const report = await runCheck(cluster, api, tell, ended.signal);
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return report.ok;
  } finally {
    await stop(cluster);
  }
}

/** What does not go in order is a fault of ours that the caller should hear of. */
async function stop(cluster: RunningCluster): Promise<void> {
  const killed = await cluster.stop();
  for (const command of killed) tell(`had to be killed: ${command}`);
}

async function live(cluster: RunningCluster, api: HttpClusterApi): Promise<boolean> {
  const demo = new LiveDemo(cluster, api);
  onEndSignal(() => demo.quit());
  const terminal = new Terminal(process.stdin, process.stdout, (key) => demo.press(key));
  terminal.open();
  try {
    await demo.run(terminal);
    await stop(cluster);
  } finally {
    terminal.close();
  }
  return true;
}

function readArguments(argv: readonly string[]): DemoArguments | 'help' {
  const options = {
    check: { type: 'boolean', default: false },
    dir: { type: 'string' },
    'port-base': { type: 'string', default: String(DEMO_BASE_PORT) },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  const { values } = parseArgs({ args: [...argv], options, strict: true });
  if (values.help) return 'help';
  const basePort = Number(values['port-base']);
  if (!Number.isInteger(basePort) || basePort < 1_024 || basePort > 65_000) {
    throw new DemoArgumentError(
      `--port-base is '${values['port-base']}': it must be a port from 1024 to 65000`,
    );
  }
  return { check: values.check, directory: values.dir ?? null, basePort };
}

/**
 * Once: a second signal ends the process in the ordinary way. A terminal that is closed is one of them: what runs
 * here has sessions of its own, and would go on without it.
 */
function onEndSignal(end: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
}

function tell(line: string): void {
  process.stderr.write(`demo: ${line}\n`);
}

try {
  process.exitCode = await main();
} catch (error) {
  tell(messageOf(error));
  if (process.argv.includes('--check')) {
    process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
  }
  process.exitCode = EXIT_COULD_NOT_RUN;
}
