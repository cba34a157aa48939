#!/bin/sh
# Everything that `make test` promises: prerequisites, build, checks of form, all tests. The last line of
# standard output is `N passed, N failed, N skipped`; a failed check counts as one failed test.
set -u
cd "$(dirname "$0")/.."
sh tools/install-prerequisites.sh || exit $?
sh tools/build.sh || exit $?

log=$(mktemp "${TMPDIR:-/tmp}/matriarch-test.XXXXXX")
trap 'rm -f "$log"' EXIT
failed_steps=0

# step NAME COMMAND...: runs it, keeps its output for the count, remembers that it failed.
step() {
  name=$1
  shift
  echo "== $name"
  { "$@" 2>&1 && echo 0 >"$log.status" || echo $? >"$log.status"; } | tee -a "$log"
  if [ "$(cat "$log.status")" -ne 0 ]; then
    echo "== $name failed" >&2
    failed_steps=$((failed_steps + 1))
  fi
  rm -f "$log.status"
}

# Real clusters need PostgreSQL's user and network namespaces, which only root can have.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo env "PATH=$PATH" "$@"
    status=$?
    sudo chown -R "$(id -u):$(id -g)" node_modules/.vite node_modules/.cache 2>/dev/null
    return $status
  fi
}

vitest=node_modules/vitest/vitest.mjs
step 'checks of form' make --no-print-directory check
step 'unit tests, transcripts, simulation' node "$vitest" run --passWithNoTests \
  --project unit --project transcripts --project simulation
step 'real processes' as_root node "$vitest" run --passWithNoTests --project integration

# Sums the closing lines of all runs; a step that failed without a failed test counts as one.
sed 's/\x1b\[[0-9;]*m//g' "$log" | awk -v steps="$failed_steps" '
  /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5 }
  END {
    if (failed < steps) failed = steps
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0 ? 1 : 0
  }'
