/** What stands against something, by the name that `explain`, events and errors show with value and limit. */
export const REFUSALS: readonly {
  readonly rule: string;
  readonly means: string;
  readonly help: string;
}[] = [
  {
    rule: 'not-heard',
    means: 'its agent did not report within `suspectAfterMs`',
    help: 'start the agent; look at its network and certificates',
  },
  {
    rule: 'no-guard',
    means: 'its agent has no guard, so nothing there could hold the lease',
    help: '`guard.log` in its state directory',
  },
  {
    rule: 'no-data',
    means: 'there is no data directory, or an unfinished one',
    help: '`matriarch reinit`',
  },
  {
    rule: 'foreign-data',
    means: 'its directory belongs to another database (system identifier)',
    help: 'name the right directory, or move this one away',
  },
  {
    rule: 'too-few-walsenders',
    means:
      'fewer `max_wal_senders` than standbys would have to stream from it: nothing is stopped for a switchover to it',
    help: 'raise it with `matriarch config set`, and restart that instance',
  },
  {
    rule: 'too-few-slots',
    means:
      'its `max_replication_slots` do not hold the slots of its followers beside those that others made',
    help: 'raise it, or drop slots that nobody needs',
  },
  {
    rule: 'no-free-walsender',
    means:
      'the primary has no two walsenders left for a `pg_basebackup`: neither an order nor an automatic rebuild by that alone begins',
    help: 'raise `max_wal_senders`, end what streams without need, or order another method',
  },
  {
    rule: 'not-detached',
    means: 'it has not proved within 1.5 s that it receives nothing from the lost primary',
    help: 'waits for a recovery conflict or a hung disk: its own log',
  },
  {
    rule: 'lag',
    means:
      'further behind the last known position of the primary than `maximumLagOnFailoverBytes` (a switchover: 16 MB)',
    help: 'the old primary back, or `matriarch failover --to NAME --accept-loss`',
  },
  {
    rule: 'copy-aside',
    means:
      'no refusal but an offer: nobody can serve, and what a rebuild had put aside there is the last copy that could',
    help: 'the old primary back, or the order that is named',
  },
  {
    rule: 'copy-not-back',
    means: 'an operator ordered the copy aside back, and its agent has not put it in place yet',
    help: 'nothing: it takes a moment; else the log of its agent',
  },
  {
    rule: 'no-copy-aside',
    means: 'no member is named whose agent reports a copy aside of the history of the cluster',
    help: 'the member that `matriarch status` names, once its agent is heard',
  },
  {
    rule: 'candidate-left',
    means: 'somebody can serve without a copy aside, which is older than what lies in its place',
    help: '`matriarch failover` without `--copy-aside`',
  },
  {
    rule: 'primary-serves',
    means: 'a primary holds its lease: no copy aside takes its place',
    help: 'wait until its lease has ended, or `matriarch switchover`',
  },
  {
    rule: 'position-unknown',
    means:
      'how far the lost primary was is not known, and not every standby takes part that was seen to stream until the loss',
    help: 'the missing standbys, the old primary, or `--accept-loss`',
  },
  {
    rule: 'timeline-diverged',
    means: "its WAL left the cluster's history",
    help: 'it is rewound or rebuilt once there is a primary',
  },
  {
    rule: 'commits-not-assured',
    means:
      'synchronous: not enough of the set are heard and detached to prove that nothing acknowledged is missing',
    help: 'the missing standbys, the old primary, or `--accept-loss`',
  },
  {
    rule: 'may-lack-commits',
    means: 'synchronous: another one, which has every commit, is further',
    help: 'nothing: that one is taken',
  },
  {
    rule: 'failed-before',
    means: 'it failed in this very outage',
    help: 'asked again only when nobody else can serve',
  },
  {
    rule: 'failed-last',
    means: 'it is the primary of which the last failover went away, and nobody acknowledged that',
    help: 'taken only when nobody else can serve; `matriarch acknowledge`',
  },
  {
    rule: 'anti-flap',
    means: 'the last automatic failover was a short time ago, and the primary can still serve',
    help: '`matriarch acknowledge`; ends by itself once every standby streams, or after 2, 10, 60 min',
  },
  {
    rule: 'nobody-to-take-over',
    means: 'no standby could be promoted',
    help: '`matriarch explain` says why of each',
  },
  {
    rule: 'agents-absent-elsewhere',
    means: 'other clusters lack their agents too: it is no fault of this host',
    help: 'certificates, release, network of the agents',
  },
  {
    rule: 'failsafe-unconfirmed',
    means: "it joined after the lost primary's guard was told whom to ask for promises",
    help: 'any older member that is detached',
  },
  { rule: 'tagged-no-failover', means: 'tag `noFailover`', help: 'name it: `--to NAME`' },
  {
    rule: 'tagged-no-stream',
    means: 'tag `noStream`: fed by the archive',
    help: 'name it: `--to NAME`',
  },
  { rule: 'delayed', means: '`recovery_min_apply_delay` is set', help: 'name it: `--to NAME`' },
  {
    rule: 'in-maintenance',
    means: 'an operator works on it',
    help: '`matriarch maintenance off NAME`',
  },
  { rule: 'leaving', means: 'its host or agent is shut down', help: 'name another instance' },
  { rule: 'disk-full', means: 'less than 64 MB free', help: 'free space, or name it: `--to NAME`' },
  {
    rule: 'major-version',
    means: 'another major version of PostgreSQL than the primary had',
    help: 'the same version',
  },
  {
    rule: 'setting-too-small',
    means:
      'a setting such as `max_connections` is smaller than on the primary: PostgreSQL would not start',
    help: 'raise it and restart it',
  },
  {
    rule: 'collation-version',
    means: 'another collation library than the one that sorted the indexes',
    help: 'the same OS release, or name it and reindex',
  },
  { rule: 'not-a-member', means: 'no such instance', help: 'a name from `matriarch status`' },
  { rule: 'not-a-standby', means: 'it does not run as a standby', help: 'name another instance' },
  { rule: 'not-streaming', means: 'no WAL receiver', help: 'wait until it streams' },
  {
    rule: 'timeline',
    means: 'it is on another timeline than the primary',
    help: 'wait until it follows',
  },
  {
    rule: 'sync-setting',
    means: 'synchronous: its own commits would not wait for others yet',
    help: 'try again in a second',
  },
  { rule: 'is-primary', means: 'not of the primary', help: '`matriarch switchover` first' },
  { rule: 'no-primary', means: 'nobody serves', help: '`matriarch explain`' },
  { rule: 'no-candidate', means: 'no standby can take over', help: '`matriarch explain`' },
  {
    rule: 'busy',
    means: 'another operation is under way',
    help: 'wait for its end: `matriarch events --follow`',
  },
  {
    rule: 'paused',
    means: 'automatic decisions are paused',
    help: '`matriarch resume`, or name the target',
  },
  {
    rule: 'data-directory-not-empty',
    means: 'a cluster without a primary, and somebody has data already',
    help: 'adopt it, or move it away',
  },
  {
    rule: 'lease-not-over',
    means: 'after a restoration the old epoch has not expired yet',
    help: 'try again in some seconds',
  },
  { rule: 'automatic-rebuild', means: '`automaticRebuild: never`', help: '`matriarch reinit`' },
  {
    rule: 'rebuild-running',
    means: 'it is being rebuilt',
    help: 'wait for its end, `matriarch reinit --cancel`, or `--force`',
  },
  {
    rule: 'directory-unusable',
    means: 'what lies in its data directory is not touched: it cannot be read, or is none of ours',
    help: 'what `matriarch status` says of it; once it is moved away the data is built anew',
  },
  {
    rule: 'no-method',
    means: 'no method that copies is configured',
    help: 'name one: `--method basebackup`, or set `rebuild.methods`',
  },
  {
    rule: 'source',
    means: 'nobody is copied from itself',
    help: 'name another member with `--from`',
  },
  {
    rule: 'restart-planned',
    means: 'restarts are planned already',
    help: '`matriarch restart --cancel`',
  },
  { rule: 'nobody', means: 'no instance fits', help: 'names and roles from `matriarch status`' },
  {
    rule: 'revision-changed',
    means: 'somebody changed the configuration meanwhile',
    help: '`matriarch config show`, and change that one',
  },
  {
    rule: 'catalogue-unknown',
    means: 'no PostgreSQL has told yet which values it takes',
    help: 'wait for an agent, or check the names',
  },
  {
    rule: 'nothing-to-adopt',
    means: 'every instance that is named to be adopted is empty',
    help: 'name those that have the data',
  },
  {
    rule: 'not-taken-over',
    means: 'what starts PostgreSQL there keeps it running',
    help: 'end that system (its unit, its manager) once',
  },
  {
    rule: 'still-running',
    means: 'PostgreSQL is neither stopped nor one that can be taken over',
    help: 'stop it, and whoever starts it again',
  },
  {
    rule: 'no-running-primary',
    means: 'a standby of an earlier system runs, and no primary that is named',
    help: 'start its primary too, or stop the standby',
  },
  {
    rule: 'two-primaries',
    means: 'two instances run as primaries of the same database',
    help: 'stop the one that is not to go on',
  },
  {
    rule: 'ahead-of-the-primary',
    means: 'it is on a later timeline than the primary that runs',
    help: 'find out which of the two holds the data',
  },
  {
    rule: 'system-identifiers-differ',
    means: 'the instances that are named hold different databases',
    help: 'name those of one',
  },
  {
    rule: 'standby-cluster',
    means: 'not in a cluster that follows another: nobody writes there',
    help: '`matriarch promote-cluster` first',
  },
  {
    rule: 'rebuilding',
    means: 'its data is to be built anew',
    help: 'wait for the end of the rebuild',
  },
  {
    rule: 'own-member',
    means: 'the remote primary is a member of this very cluster',
    help: 'the address of another cluster',
  },
  {
    rule: 'archives-nothing',
    means: 'it is to follow an archive into which nobody puts what its primary writes last',
    help: '`archive` in the configuration, or `--yes` where WAL gets there otherwise',
  },
  {
    rule: 'not-bootstrapped',
    means: 'a cluster without data follows nobody',
    help: 'create it with `standbyOf`',
  },
  {
    rule: 'no-standby-leader',
    means: 'no standby leader is chosen yet',
    help: '`matriarch explain` says why of each',
  },
  {
    rule: 'other-cluster-writes',
    means: 'the cluster that it follows still has a primary',
    help: '`matriarch demote-cluster` there first',
  },
  {
    rule: 'other-cluster-unknown',
    means: 'whether the cluster that it follows still writes is not known here',
    help: 'make sure of it yourself, then say so (`--yes`)',
  },
  {
    rule: 'wal-missing',
    means: 'the standby leader lacks the end of what was written',
    help: 'wait until it has it, or accept the loss',
  },
  {
    rule: 'pre-promote',
    means: 'the `prePromote` command of the cluster said no',
    help: 'its output, in the agent log',
  },
  {
    rule: 'slot-name',
    means: 'a configured slot has the name of a member',
    help: 'give the slot another name',
  },
  {
    rule: 'wal-level',
    means: 'a logical slot is configured and `wal_level` is not `logical`',
    help: '`matriarch config set wal_level=logical`, and `matriarch restart --rolling`',
  },
  {
    rule: 'unknown-instance',
    means: 'the configuration names an instance that is not there',
    help: 'a name from `matriarch status`',
  },
  {
    rule: 'managed',
    means: 'the agents set this parameter themselves',
    help: 'leave it out; what it is for has a setting of the cluster, or none',
  },
  {
    rule: 'unknown-parameter',
    means: 'the PostgreSQL that runs has no such parameter',
    help: 'a name from `pg_settings`; settings of Matriarch go by `--setting KEY=VALUE`',
  },
  { rule: 'read-only', means: 'PostgreSQL only shows it', help: 'leave it out' },
  { rule: 'one-line', means: 'the value has several lines', help: 'one line' },
  { rule: 'boolean', means: 'the value is no boolean', help: 'write on or off' },
  {
    rule: 'number',
    means: 'the value is no number',
    help: 'a number within the range, with a unit as 64MB or 10s where it has one',
  },
  { rule: 'range', means: 'the number is out of range', help: 'a number within the range' },
  {
    rule: 'choice',
    means: 'the value is none of the words',
    help: 'one of the words that are named',
  },
  {
    rule: 'pg-hba',
    means: 'PostgreSQL would refuse this line of `pgHba`, and the whole file with it',
    help: 'correct the line: TYPE DATABASE USER [ADDRESS] METHOD [OPTIONS]',
  },
  {
    rule: 'pg-ident',
    means: 'PostgreSQL would refuse this line of `pgIdent`, and the whole file with it',
    help: 'correct the line: MAP SYSTEM-USER DATABASE-USER',
  },
];

const HELP: ReadonlyMap<string, string> = new Map(REFUSALS.map(({ rule, help }) => [rule, help]));

/** The way out of one rule; of a setting, whose rule bears its key, that is another value. */
export function refusalHelp(rule: string): string | null {
  if (rule.startsWith('settings.')) {
    return `\`matriarch config set --setting ${rule.slice('settings.'.length)}=VALUE\` within that limit`;
  }
  return HELP.get(rule) ?? null;
}
