# Sourced by the other scripts: makes .venv and installs the package in it.
# Usage: . launch/install.sh EXTRA; $PYTHON chooses the interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python="${PYTHON:-python3}"
tag=$("$python" -c 'import sys; print("py%d%d" % sys.version_info[:2])') || {
  echo "No Python: '$python' does not run. Set PYTHON to 3.11 or newer." >&2
  exit 2
}
pins="launch/constraints-$tag.txt"
if [ ! -f "$pins" ]; then
  echo "$python is $tag; tested pins exist for:" launch/constraints-*.txt >&2
  echo "Set PYTHON to one of these, for example PYTHON=python3.11." >&2
  exit 2
fi
stamp=".venv/installed-$1-$tag"
if [ ! -f "$stamp" ] || [ setup.py -nt "$stamp" ] || [ "$pins" -nt "$stamp" ]
then
  echo "Installing into .venv with $tag and $pins ..." >&2
  [ -x .venv/bin/python ] &&
    [ "$(.venv/bin/python -c 'import sys; print("py%d%d" % sys.version_info[:2])')" = "$tag" ] ||
    "$python" -m venv --clear .venv
  .venv/bin/python -m pip install -q --disable-pip-version-check \
    -c "$pins" -e ".[$1]"
  touch "$stamp"
fi
