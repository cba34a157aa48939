/**
 * The fuse: a shell that ends PostgreSQL when nobody tells it in time that the lease was renewed. It
 * knows no lease, only a moment on the boot clock, so it still works when guard and agent are stopped
 * together (correction 14). bash, because its `read -t` takes fractions and nothing here forks.
 *
 *     bash -c SCRIPT matriarch-fuse <data directory> <deadline>
 *
 * stdin: a line with a later deadline (ms of `/proc/uptime`) after each confirmed renewal. With the deadline 0 it waits for the
 * first line, however long, and ends PostgreSQL for nobody until then.
 * Its end means that the guard is dead: PostgreSQL must not outlive it, whatever the kernel's death
 * signal did (safety 13). A line cut in two can only name an earlier moment, which is ignored.
 *
 * The processes of the instance are those that stand in its data directory (safety 1); the directory
 * is held open, so that no path is walked again. Killed ones show no working directory any more.
 */
const FUSE_SCRIPT = `
exec 8<"$1" || exit 4
deadline=$2
cause=deadline
while ((deadline == 0)); do
  IFS= read -r line || exit 0
  [[ $line =~ ^[0-9]+$ ]] && deadline=$line
done
while :; do
  read -r up rest </proc/uptime
  left=$((deadline - 10#\${up/./} * 10))
  ((left > 0)) || break
  printf -v wait '%d.%03d' $((left / 1000)) $((left % 1000))
  if IFS= read -r -t "$wait" line; then
    [[ $line =~ ^[0-9]+$ ]] && ((line > deadline)) && deadline=$line
  elif (($? <= 128)); then
    cause=guard-gone
    break
  fi
done
killed=0
for ((pass = 0; pass < 1000; pass++)); do
  found=0
  for cwd in /proc/[0-9]*/cwd; do
    [[ $cwd -ef /proc/$$/fd/8 ]] || continue
    pid=\${cwd#/proc/}
    pid=\${pid%/cwd}
    kill -KILL "$pid" 2>/dev/null && found=$((found + 1))
  done
  killed=$((killed + found))
  ((found == 0)) && break
  ((pass < 50)) || sleep 0.05
done
((killed > 0)) || exit 0
printf '{"level":"error","msg":"the fuse ended postgresql","cause":"%s","signals":%d,"dataDirectory":"%s"}\\n' \\
  "$cause" "$killed" "$1" >&2
exit 3
`;

const FUSE_NAME = 'matriarch-fuse';

/** Not lit: it waits for the first deadline. */
export const UNLIT = 0;

export function fuseArgv(dataDirectory: string, deadlineBootMs: number): readonly string[] {
  return ['-c', FUSE_SCRIPT, FUSE_NAME, dataDirectory, `${deadlineBootMs}`];
}

/** Whether a command line, as `/proc` shows it, is that of a fuse of this data directory. */
export function isFuseOf(dataDirectory: string, title: string): boolean {
  const at = title.lastIndexOf(` ${FUSE_NAME} ${dataDirectory} `);
  return at >= 0 && /^\d+$/.test(title.slice(title.lastIndexOf(' ') + 1));
}

/** The fuse found processes and killed them. */
export const FUSE_FIRED_EXIT_CODE = 3;
