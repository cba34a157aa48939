#!/bin/sh
# Installs what demo and tests need from Debian, and only what is missing: PostgreSQL, and for the tests
# iproute2, iptables, pgBackRest, promtool and systemd-analyze.
# As root, or as a user with sudo. `--demo` leaves the tools of the tests out.
set -eu
POSTGRES_MAJOR_MIN=12
cd "$(dirname "$0")/.."
. tools/require-node.sh
require_node node

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    echo "matriarch: root is needed to install $missing: run this as root or install sudo" >&2
    exit 2
  fi
}

postgres_major() {
  for binary in $(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -t/ -k5 -rn) \
    /usr/local/pgsql/bin/postgres $(command -v postgres || true); do
    if [ -x "$binary" ]; then
      "$binary" --version | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p'
      return
    fi
  done
}

missing=
[ -n "$(postgres_major)" ] || missing="$missing postgresql"
if [ "${1:-}" != --demo ]; then
  PATH=$PATH:/usr/sbin:/sbin
  command -v ip >/dev/null 2>&1 || missing="$missing iproute2"
  command -v iptables >/dev/null 2>&1 || missing="$missing iptables"
  command -v pgbackrest >/dev/null 2>&1 || missing="$missing pgbackrest"
  command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
  command -v systemd-analyze >/dev/null 2>&1 || missing="$missing systemd"
fi
if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "matriarch: missing$missing: install them with this system's package manager" >&2
    exit 2
  fi
  echo "matriarch: installing$missing" >&2
  as_root apt-get -qq update >&2
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends $missing >&2
  # Its package begins to collect at once, on port 9090; only promtool was wanted.
  case $missing in
    *prometheus*) [ ! -d /run/systemd/system ] || as_root systemctl --quiet disable --now prometheus >&2 ;;
  esac
fi

major=$(postgres_major)
if [ "${major:-0}" -lt "$POSTGRES_MAJOR_MIN" ]; then
  echo "matriarch: PostgreSQL $major is too old: install $POSTGRES_MAJOR_MIN or later" >&2
  exit 2
fi
