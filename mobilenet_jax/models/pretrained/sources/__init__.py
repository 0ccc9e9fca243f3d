"""The libraries whose weights are imported, a file each. No JAX."""

import importlib

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.models.pretrained.source import Source

LIBRARIES = ('torchvision', 'timm', 'transformers', 'keras', 'slim')
OWN = 'mobilenet_jax'


def get_source(name: str) -> Source:
  """Returns what is known of a library.

  Raises:
    UserError: an unknown one (with the nearest one).
  """
  if name not in LIBRARIES:
    hint = did_you_mean(name, (*LIBRARIES, OWN))
    raise UserError(f'Unknown source {name!r}.{hint}')
  home = f'{__name__}.{name}'
  return importlib.import_module(home).SOURCE
