#!/usr/bin/env bash
# Sets up .venv with the test extras and runs the tests. More arguments are
# handed on to pytest.
. "$(dirname "${BASH_SOURCE[0]}")/install.sh" test
exec .venv/bin/python -m pytest "$@"
