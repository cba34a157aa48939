/**
 * The programs between PostgreSQL and an archive (safety 8, corrections 16): text for `/bin/sh`, which
 * starts in a millisecond, where Node would take a hundred for each segment (docs/adr/0010). PostgreSQL runs
 * both in the data directory.
 */
import type { WalProgram } from './rebuild-tool.ts';

const HEADER = '#!/bin/sh\n# Written by Matriarch: changes made here are lost.\n';

/**
 * How often the scripts look up from waiting. Whoever waits also looks for the script itself (`kill -0 $$`):
 * a signal that comes before a new subshell has dropped the script's traps is lost, and it would wait on.
 */
const LOOK_SECONDS = 0.1;

/**
 * `restore_command`, with `%f` and `%p`. It answers 1 at once when the instance is being detached or
 * promoted, and when its time is over: a hanging archive would hold up a promotion for minutes.
 */
export function restoreScript(
  program: WalProgram,
  {
    detachedMark,
    limitSeconds,
    failureEndsRecovery = false,
  }: {
    readonly detachedMark: string;
    readonly limitSeconds: number;
    /** Of a recovery that nobody follows up: an archive that fails must not pass for its end. */
    readonly failureEndsRecovery?: boolean;
  },
): string {
  const { missingExitCodes = [1] } = program;
  const failed = failureEndsRecovery
    ? `case $answer in 0) ;; ${missingExitCodes.join(' | ')}) exit 1 ;; *) exit 126 ;; esac`
    : '[ "$answer" -eq 0 ] || exit 1';
  const looks = Math.ceil(limitSeconds / LOOK_SECONDS);
  return `${HEADER}# restore_command: $1 is %f, $2 is %p
[ -e ${quoted(detachedMark)} ] && exit 1
${environmentOf(program)}setsid ${wordsOf(program, '$1', '$2')} &
child=$!
end() { kill -TERM -"$child" 2>/dev/null; kill -KILL -"$child" 2>/dev/null; }
trap 'end; exit 1' TERM INT HUP
(
  left=${looks}
  while [ "$left" -gt 0 ] && [ ! -e ${quoted(detachedMark)} ]; do
    sleep ${LOOK_SECONDS}
    kill -0 $$ 2>/dev/null || exit
    left=$((left - 1))
  done
  end
) >/dev/null 2>&1 &
watch=$!
wait "$child"
answer=$?
kill "$watch" 2>/dev/null
# More than 125 ends recovery for good.
${failed}
`;
}

/**
 * `archive_command`, with `%p` and `%f`. It refuses without the lease, so that a fenced primary puts
 * nothing into the archive. While PostgreSQL stops it ends its child and exits 130, for a fast stop
 * waits for the archiver.
 */
export function archiveScript(
  program: WalProgram,
  { leaseFile }: { readonly leaseFile: string },
): string {
  return `${HEADER}# archive_command: $1 is %p, $2 is %f
leased() {
  read -r until_cs 2>/dev/null <${quoted(leaseFile)} || return 1
  read -r uptime rest </proc/uptime
  [ "\${uptime%.*}\${uptime#*.}" -lt "$until_cs" ]
}
stopping() {
  number=0
  while read -r line; do
    number=$((number + 1))
    [ "$number" -eq 8 ] || continue
    case $line in stopping*) return 0 ;; *) return 1 ;; esac
  done 2>/dev/null <postmaster.pid
  return 1
}
stopping && exit 130
leased || { echo 'matriarch: this instance holds no lease: nothing is archived' >&2; exit 1; }
${environmentOf(program)}setsid ${wordsOf(program, '$2', '$1')} &
child=$!
end() { kill -TERM -"$child" 2>/dev/null; kill -KILL -"$child" 2>/dev/null; }
trap 'end; exit 130' TERM INT HUP
(
  while sleep ${LOOK_SECONDS} && kill -0 $$ 2>/dev/null; do
    if stopping; then
      end
      exit
    fi
  done
) >/dev/null 2>&1 &
watch=$!
wait "$child"
answer=$?
kill "$watch" 2>/dev/null
stopping && [ "$answer" -ne 0 ] && exit 130
# A signal of the tool's own would end the archiver.
[ "$answer" -le 125 ] || exit 1
exit "$answer"
`;
}

/** The value of the setting: the script's path with what PostgreSQL puts in. */
export function walSetting(script: string, order: 'restore' | 'archive'): string {
  const path = quoted(script).replaceAll('%', '%%');
  return order === 'restore' ? `${path} "%f" "%p"` : `${path} "%p" "%f"`;
}

/** What the archive script reads: until when the lease lasts, in hundredths of a second since boot. */
export function leaseFileText(uptimeSeconds: number, remainingMs: number | null): string {
  if (remainingMs === null) return '0\n';
  return `${Math.floor(uptimeSeconds * 100 + remainingMs / 10)}\n`;
}

function environmentOf({ environment }: WalProgram): string {
  return Object.entries(environment ?? {})
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('');
}

function wordsOf({ argv }: WalProgram, file: string, path: string): string {
  return argv.map((word) => wordOf(word, file, path)).join(' ');
}

/** `%f` and `%p` within a word, `%%` for one percent sign, as PostgreSQL has it. */
function wordOf(word: string, file: string, path: string): string {
  const parts = word.split(/(%[fp%])/).filter((part) => part !== '');
  return parts
    .map((part) => {
      if (part === '%f') return `"${file}"`;
      if (part === '%p') return `"${path}"`;
      return quoted(part === '%%' ? '%' : part);
    })
    .join('');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
