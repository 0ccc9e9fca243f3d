"""Trains once for each layout in one process: python -m tests.jobs.on_devices
FOLDER CONFIG_ARGUMENTS... ; each layout's overrides come after a '--'."""

import sys

from mobilenet_jax.core.cache import use_compilation_cache
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.jobs import training


def main(folder, *arguments):
  """Prints what a layout is refused for; else its run is in FOLDER/INDEX."""
  use_compilation_cache()
  parts = [[]]
  for argument in arguments:
    if argument == '--':
      parts.append([])
    else:
      parts[-1].append(argument)
  shared, *layouts = parts
  for i, own in enumerate(layouts):
    try:
      training.run(load_config([*shared, *own]), f'{folder}/{i}')
    except (UserError, JobError) as error:
      print(error)


if __name__ == '__main__':
  main(*sys.argv[1:])
