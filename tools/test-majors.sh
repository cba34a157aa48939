#!/bin/sh
# test-majors.sh [MAJOR...]: the tests of what PostgreSQL itself does, with other major versions of it (13 and 17
# without arguments), each in a Debian root of its own. As root. MATRIARCH_MAJORS_TESTS names other files.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "test:majors needs root: it mounts and changes its root directory" >&2; exit 2; }
if [ "${1:-}" != --inside ]; then
  [ $# -gt 0 ] || set -- 13 17
  failed=
  for major in "$@"; do
    root=$(sh tools/postgres-root.sh "$major")
    echo "PostgreSQL $major in $root"
    # Mounts and processes of its own, which end with it: a guard takes PostgreSQL of its user that it may not look at for
    # its own, and would not start beside the tests of another root.
    unshare --mount --pid --fork --kill-child --propagation private sh tools/test-majors.sh --inside "$major" "$root" || failed="$failed $major"
  done
  [ -z "$failed" ] || { echo "failed with PostgreSQL$failed" >&2; exit 1; }
  echo "passed with PostgreSQL $*"
  exit 0
fi

major=$2 root=$3 project=$(pwd)
node=$(command -v node)
mkdir -p "$root$project" "$root/usr/local/bin"
touch "$root/usr/local/bin/node"
mount --bind "$project" "$root$project"
mount --bind "$node" "$root/usr/local/bin/node"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
case $major in
# Of the backup tools pg_basebackup and pg_rewind only: what Debian 11 has of the others is too old.
13) tests='test/integration/postgres test/integration/guard test/integration/agent test/integration/rebuild/rebuild.test.ts' ;;
*) tests='test/integration/postgres test/integration/guard test/integration/agent test/integration/rebuild' ;;
esac
# Not in the place of this shell: it is the first process here, and reaps the orphans.
chroot "$root" /usr/bin/env -i HOME=/root TMPDIR=/tmp PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  LC_ALL=C.UTF-8 MATRIARCH_TEST_MAJOR="$major" ${MATRIARCH_TEST_ALL:+MATRIARCH_TEST_ALL=1} \
  /bin/sh -c 'cd "$1" && shift && exec node node_modules/vitest/vitest.mjs run --project integration "$@"' sh \
  "$project" ${MATRIARCH_MAJORS_TESTS:-$tests} || exit
