"""The data of a config."""

from typing import Any

from mobilenet_jax.core.progress import say
from mobilenet_jax.data.checks import check_source
from mobilenet_jax.data.sources import Source, cache_in_memory, open_source


def open_split(data: Any, split: str) -> Source:
  """Opens a split of the data set that the `data` part of a config names.

  Raises:
    UserError: see `open_source`.
  """
  return open_source(
    data.name, split, data.dir or None, strict=data.strict, say=say
  )


def open_training(data: Any, split: str, batch: int) -> Source:
  """A split to train on, in batches: checked, and in memory where it fits.

  Raises:
    UserError: see `open_source`, `check_source`.
  """
  source = cache_in_memory(open_split(data, split))
  check_source(source, batch=batch, say=say)
  return source
