import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentYaml } from '../../apps/cli/src/demo/config-files.ts';
import { giveTo, postgresOsUser } from '../../apps/cli/src/demo/directories.ts';
import { processesIn } from '../../apps/cli/src/demo/instance-processes.ts';
import { agentArgv } from '../../apps/cli/src/demo/launch.ts';
import type { ClusterPlan, HostPlan, InstancePlan } from '../../apps/cli/src/demo/plan.ts';
import { SupervisedProcess } from '../../apps/cli/src/demo/supervised-process.ts';
import { until } from '../../apps/cli/src/demo/until.ts';
import { signalAll } from '../hosts/signal-all.ts';

const LIMIT_MS = 30_000;

/** An agent with the name and the certificates of an instance, on another host and with an empty directory. */
export class Twin {
  readonly #process: SupervisedProcess;
  readonly #plan: InstancePlan;

  constructor(cluster: ClusterPlan, of: InstancePlan, host: HostPlan) {
    const directory = join(cluster.directory, 'twin');
    this.#plan = {
      ...of,
      host,
      stateDirectory: join(directory, 'agent'),
      dataDirectory: join(directory, 'data'),
      socketDirectory: directory,
      configFile: join(cluster.directory, 'twin.yaml'),
      logFile: join(cluster.logsDirectory, 'twin.log'),
    };
    const user = postgresOsUser();
    for (const made of [directory, this.#plan.stateDirectory]) {
      mkdirSync(made, { mode: 0o700 });
      giveTo(user, made);
    }
    writeFileSync(this.#plan.configFile, agentYaml(cluster, this.#plan, user.name));
    const { name, logFile } = this.#plan;
    const argv = agentArgv(this.#plan, cluster.directory);
    this.#process = new SupervisedProcess({ name, argv, logFile, restartPauseMs: 500 });
  }

  start(): void {
    this.#process.start();
  }

  log(): string {
    const { logFile } = this.#plan;
    return existsSync(logFile) ? readFileSync(logFile, 'utf8') : '';
  }

  get hasData(): boolean {
    return existsSync(this.#plan.dataDirectory);
  }

  async remove(): Promise<void> {
    await this.#process.killForGood();
    // Its guard, which has no data directory yet and so no lock that would name it.
    await until('the end of all of it', { limitMs: LIMIT_MS }, async () => {
      const left = processesIn(this.#plan.socketDirectory);
      signalAll(
        left.map(({ pid }) => pid),
        'SIGKILL',
      );
      return left.length === 0 ? { value: true } : { instead: JSON.stringify(left) };
    });
  }
}
