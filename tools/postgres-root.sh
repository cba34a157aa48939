#!/bin/sh
# postgres-root.sh MAJOR: prints the directory of a Debian that has this major version of PostgreSQL, and
# makes it first when it is not there (as root, from the Debian archive, about 400 MB). Kept for the next time in
# MATRIARCH_ROOTS, else in ~/.cache/matriarch/roots.
set -eu
major=${1:?usage: postgres-root.sh MAJOR}
case $major in
13) suite=bullseye script=bullseye ;;
15) suite=bookworm script=bookworm ;;
17) suite=trixie script=trixie ;;
# debootstrap of Debian 12 does not know Debian 14 by its name.
18) suite=forky script=sid ;;
*)
  echo "no Debian has PostgreSQL $major: 13, 15, 17 and 18 only" >&2
  exit 2
  ;;
esac
roots=${MATRIARCH_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/matriarch/roots}
root=$roots/postgresql-$major
if [ ! -e "$root/.complete" ]; then
  [ "$(id -u)" = 0 ] || { echo "making $root needs root" >&2; exit 2; }
  command -v debootstrap >/dev/null || { echo "making $root needs debootstrap: apt-get install debootstrap" >&2; exit 2; }
  rm -rf "$root"
  mkdir -p "$root"
  # What the tests call beside PostgreSQL: openssl for certificates, ps and ip, and pgBackRest.
  packages=postgresql-$major,pgbackrest,openssl,procps,iproute2,perl,ca-certificates
  mirror=${MATRIARCH_DEBIAN_MIRROR:-http://deb.debian.org/debian}
  debootstrap --variant=minbase "--include=$packages" "$suite" "$root" "$mirror" \
    "/usr/share/debootstrap/scripts/$script" >&2 || { tail -20 "$root/debootstrap/debootstrap.log" >&2; exit 1; }
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root/var/lib/postgresql/$major/main" "$root/etc/postgresql/$major"
  touch "$root/.complete"
fi
echo "$root"
