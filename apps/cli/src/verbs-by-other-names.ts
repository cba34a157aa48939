/** What people type who come from other tools, and what the same is called here. */
const CALLED_HERE: Readonly<Record<string, string>> = {
  list: 'status',
  ls: 'status',
  show: 'status',
  info: 'status',
  health: 'status',
  members: 'status',
  topology: 'status',
  history: 'failovers',
  logs: 'events',
  why: 'explain',
  promote: 'switchover',
  rebuild: 'reinit',
  clone: 'reinit',
  reload: 'config set',
  flush: 'restart --cancel',
  create: 'cluster create',
  get: 'config show',
  set: 'config set',
  diff: 'config diff',
  edit: 'config edit',
  rollback: 'config rollback',
  'show-config': 'config show',
  'edit-config': 'config edit',
  'config get': 'config show',
  'config list': 'config show',
  'config revisions': 'config history',
  'controllers status': 'controllers list',
  'controllers show': 'controllers list',
  'cluster list': 'status',
  'cluster status': 'status',
};

/** Within one of these a word alone says something else. */
const GROUPS: readonly (string | undefined)[] = [
  'certs',
  'cluster',
  'config',
  'controllers',
  'log',
];

/** The message of an unknown verb, with the one that was meant, or with where all of them are listed. */
export function withVerbOf(message: string, argv: readonly string[]): string {
  const [said = message, word = ''] = /^unknown command '(.*?)'/.exec(message) ?? [];
  const before = argv[argv.indexOf(word) - 1];
  const meant = CALLED_HERE[GROUPS.includes(before) ? `${before} ${word}` : word];
  if (meant !== undefined) return `${said}: did you mean '${meant}'?`;
  return message.includes('did you mean') ? message : `${said}: \`matriarch help\` lists the verbs`;
}
