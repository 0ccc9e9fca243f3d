"""Where things that outlive a run are kept."""

import os
from pathlib import Path


def cache_dir() -> Path:
  """$MOBILENET_JAX_CACHE, else mobilenet_jax under the user's cache folder."""
  own = os.environ.get('MOBILENET_JAX_CACHE')
  if own:
    return Path(own)
  base = os.environ.get('XDG_CACHE_HOME')
  return (Path(base) if base else Path.home() / '.cache') / 'mobilenet_jax'


def use_compilation_cache() -> None:
  """Keeps compiled programs on disk, so that they compile once a machine."""
  import jax

  jax.config.update('jax_compilation_cache_dir', str(cache_dir() / 'jax'))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.3)
