import { type Command, Option } from 'commander';
import type { ChangeOptions } from './commands/change-primary.ts';
import type { EventsOptions } from './commands/events.ts';
import type { FailoversOptions } from './commands/failovers.ts';
import type { ReinitOptions } from './commands/reinit.ts';
import type { RestartOptions } from './commands/restart.ts';
import type { DemoteOptions, PromoteOptions } from './commands/turn-cluster.ts';
import { type Finish, runs, seconds, wholeNumber } from './verb.ts';

/** What is asked of the controllers. */
export function addClusterVerbs(program: Command, finish: Finish): void {
  program
    .command('status [cluster]')
    .description('controllers, clusters and instances; of one cluster, or of all')
    .action(
      runs(finish, async (context, [cluster]) =>
        (await import('./commands/status.ts')).status(context, cluster),
      ),
    );
  addChanges(program, finish);
  addTurns(program, finish);
  addReinit(program, finish);
  addRestart(program, finish);
  addHistory(program, finish);
  program
    .command('acknowledge [cluster]')
    .description('the last failover was seen: it holds up no other')
    .action(
      runs(finish, async (context, [cluster]) =>
        (await import('./commands/acknowledge.ts')).acknowledge(context, cluster),
      ),
    );
  for (const kind of ['pause', 'resume'] as const) {
    program
      .command(`${kind} [cluster]`)
      .description(kind === 'pause' ? 'decide nothing automatically' : 'decide automatically again')
      .option('--wait', 'until every agent has heard of it')
      .action(
        runs<{ wait?: true }>(finish, async (context, [cluster], options) =>
          (await import('./commands/pause.ts')).pauseOrResume(context, kind, cluster, options),
        ),
      );
  }
  program
    .command('maintenance <on|off> <instance>')
    .description('leave one standby alone: not started, rebuilt, waited for or promoted')
    .action(
      runs(finish, async (context, [state = '', instance = '']) =>
        (await import('./commands/maintenance.ts')).maintenance(context, state, instance),
      ),
    );
  program
    .command('cluster')
    .description('define clusters')
    .command('create <name>')
    .description('define a cluster; its instances join when their agents start')
    .requiredOption('--file <file>', 'users and settings, as `matriarch config example cluster`')
    .action(
      runs<{ file: string }>(finish, async (context, [name = ''], { file }) =>
        (await import('./commands/cluster-create.ts')).createCluster(context, name, file),
      ),
    );
}

function addRestart(program: Command, finish: Finish): void {
  program
    .command('restart [cluster]')
    .description('restart PostgreSQL, standbys first, one at a time')
    .option('--rolling', 'hand the primary over first, so that it is restarted as a standby')
    .option('--pending', 'only where a setting waits for a restart')
    .option('--instance <instance...>', 'these only')
    .addOption(new Option('--role <role>', 'in this role only').choices(['primary', 'standby']))
    .option('--at <time>', 'not before: 2026-12-01T03:00:00Z, or +10m')
    .option('--cancel', 'what is planned or under way goes no further')
    .option('--wait <seconds>', 'stop waiting after this long; it goes on (default: 600)', seconds)
    .action(
      runs<RestartOptions>(finish, async (context, [cluster], options) =>
        (await import('./commands/restart.ts')).restart(context, cluster, options),
      ),
    );
}

/** Of two clusters with the same data one writes: these turn it. */
function addTurns(program: Command, finish: Finish): void {
  const WAIT = [
    '--wait <seconds>',
    'stop waiting after this long; it goes on (default: 150)',
  ] as const;
  program
    .command('demote-cluster [cluster]')
    .description('stop writing as a whole, say where, and follow another cluster')
    .option('--to <cluster>', 'the one that is to write, kept by the same controllers')
    .option(
      '--host <host>',
      'or where it accepts connections; several with commas, each may be HOST:PORT',
    )
    .option(
      '--archive <tool>',
      'or its archive alone: a tool that each host has under backup, as pgbackrest',
    )
    .option('--port <port>', 'the port of hosts without one (default: 5432)', wholeNumber)
    .option('--slot <name>', 'a physical slot there that keeps WAL for this cluster')
    .option('--user <name>', 'streams as this user; else the replication user')
    .option(
      '--yes',
      'also without a primary that could say where it stopped, to a host that cannot be followed now, or for an archive that others fill',
    )
    .option(...WAIT, seconds)
    .action(
      runs<DemoteOptions>(finish, async (context, [cluster], options) =>
        (await import('./commands/turn-cluster.ts')).demoteCluster(context, cluster, options),
      ),
    );
  program
    .command('promote-cluster [cluster]')
    .description('a standby cluster begins to write as a whole')
    .option('--last-written <lsn@timeline>', 'where the other one stopped, as its demotion said')
    .option('--yes', 'the other one is surely gone; what was not received is given up')
    .option(...WAIT, seconds)
    .action(
      runs<PromoteOptions>(finish, async (context, [cluster], options) =>
        (await import('./commands/turn-cluster.ts')).promoteCluster(context, cluster, options),
      ),
    );
}

function addReinit(program: Command, finish: Finish): void {
  program
    .command('reinit <cluster/instance> [instance]')
    .description("build a standby's data anew; what is there is kept until the new copy streams")
    .option('--method <method>', "by this one only; else the cluster's, in their order")
    .option('--from <instance>', 'copy from this member instead of the primary')
    .option('--follow', 'show how far it is, and wait for the end')
    .option('--dry-run', 'change nothing: say what each method would do')
    .option('--cancel', 'break off a rebuild that is under way')
    .option('--force', 'also without another healthy copy, and instead of one that is under way')
    .action(
      runs<ReinitOptions>(finish, async (context, [first, second], options) => {
        const named = second === undefined ? first : `${first}/${second}`;
        return (await import('./commands/reinit.ts')).reinit(context, named, options);
      }),
    );
}

function addChanges(program: Command, finish: Finish): void {
  const changes = [
    ['switchover', 'make another instance primary, in an orderly way', 'else the best placed'],
    ['failover', 'give up the present primary, promote a standby', 'else the most advanced'],
  ] as const;
  for (const [kind, about, otherwise] of changes) {
    const change = program
      .command(`${kind} [cluster]`)
      .description(about)
      .option('--to <instance>', `the new primary; ${otherwise}`)
      .option(
        '--wait <seconds>',
        'stop waiting after this long; it goes on (default: 120)',
        seconds,
      );
    if (kind === 'failover') {
      change
        .option('--accept-loss', 'also a standby beyond the lag limit')
        .option(
          '--copy-aside',
          'with what a rebuild of it had put aside, while nobody else can serve',
        )
        .option('--yes', 'do not ask; nobody is asked without a terminal');
    }
    change.action(
      runs<ChangeOptions>(finish, async (context, [cluster], options) => {
        const { changePrimary } = await import('./commands/change-primary.ts');
        return changePrimary(context, kind, cluster, options);
      }),
    );
  }
}

function addHistory(program: Command, finish: Finish): void {
  program
    .command('events [cluster]')
    .description('what happened, and why')
    .option('-f, --follow', 'go on with what happens next')
    .option('--after <sequence>', 'only what came after this one; else the newest 40', wholeNumber)
    .action(
      runs<EventsOptions>(finish, async (context, [cluster], options) =>
        (await import('./commands/events.ts')).events(context, cluster, options),
      ),
    );
  program
    .command('failovers [cluster]')
    .description('failovers and switchovers: what each phase took, what was lost')
    .option('--limit <count>', 'only the newest so many (default: 20)', wholeNumber)
    .option('--details', 'each with its phases, who began it, and why it ended')
    .action(
      runs<FailoversOptions>(finish, async (context, [cluster], options) =>
        (await import('./commands/failovers.ts')).failovers(context, cluster, options),
      ),
    );
  program
    .command('explain [cluster]')
    .description('what each instance should be, what it is, and what stands in the way')
    .action(
      runs(finish, async (context, [cluster]) =>
        (await import('./commands/explain.ts')).explain(context, cluster),
      ),
    );
}
