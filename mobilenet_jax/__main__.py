"""`python -m mobilenet_jax`."""

import sys

from mobilenet_jax.cli.main import main

if __name__ == '__main__':
  sys.exit(main())
