# Sourced. `require_node NODE` fails with one line that says what to do when Node is missing or too old.
require_node() {
  if ! command -v "$1" >/dev/null 2>&1; then
    echo "matriarch: Node.js 20.19 or later is needed and '$1' was not found: install it (https://nodejs.org)" >&2
    return 1
  fi
  found=$("$1" --version)
  major=${found#v}
  major=${major%%.*}
  minor=${found#v*.}
  minor=${minor%%.*}
  if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; }; then
    echo "matriarch: Node.js $found is too old: install 20.19 or later (https://nodejs.org)" >&2
    return 1
  fi
}
