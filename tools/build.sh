#!/bin/sh
# Installs the npm packages of the committed lock when they are missing or old, then compiles to dist/.
# Quiet when there is nothing to say; `--packages-only` leaves the compilation out.
set -eu
cd "$(dirname "$0")/.."
. tools/require-node.sh
require_node node
if ! command -v npm >/dev/null 2>&1; then
  echo "matriarch: npm is needed to build from source and was not found: install it beside Node.js" >&2
  exit 2
fi
if [ ! -w . ]; then
  echo "matriarch: $PWD is not writable for $(id -un): build it once as its owner (make build)" >&2
  exit 2
fi

# Two processes that are started on an unbuilt clone at once must not build into each other.
exec 9<package.json
flock 9

installed=node_modules/.package-lock.json
if [ ! -f "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  before=$(cksum <package-lock.json)
  # loglevel: EBADENGINE warnings of packages that work on Node 20 all the same.
  npm install --no-audit --no-fund --loglevel=error >&2
  if [ "$before" != "$(cksum <package-lock.json)" ]; then
    echo "matriarch: npm install changed package-lock.json: the lock does not fit package.json" >&2
    exit 1
  fi
  touch "$installed"
fi
started=$(date +%s)
if [ "${1:-}" = --packages-only ]; then
  exit 0
fi

# Nothing to compile when no source is newer than the last build that succeeded.
stamp=dist/.built
if [ -f "$stamp" ] && [ dist/bundle/.bundled -nt dist/build.tsbuildinfo ] && [ -z "$(find apps libs test bench tools/bundle.mjs package.json tsconfig*.json \
  -newer "$stamp" \( -name '*.ts' -o -name '*.json' -o -name '*.mjs' -o -type d \) -print -quit)" ]; then
  exit 0
fi
rm -f "$stamp"
node node_modules/typescript/bin/tsc -p tsconfig.build.json
node tools/bundle.mjs
touch -d "@$started" "$stamp"
