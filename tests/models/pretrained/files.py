"""Writes tensors as the libraries do, and runs what is imported."""

from pathlib import Path

import jax
import numpy as np

from mobilenet_jax.models.pretrained import Pretrained
from tests.models.pretrained import formula

QUICK = {'xla_backend_optimization_level': 0}


def write(folder: Path, source: str, tensors: dict[str, np.ndarray]) -> Path:
  """Writes a file of weights.

  Args:
    folder: where.
    source: Keras's are .weights.h5, slim's .npz, the others .safetensors.
    tensors: by name.
  """
  if source == 'keras':
    import h5py

    path = folder / 'model.weights.h5'
    with h5py.File(path, 'w') as file:
      for name, array in tensors.items():
        file[name] = array
    return path
  if source == 'slim':
    path = folder / 'model.npz'
    np.savez(path, **tensors)
    return path
  from safetensors.numpy import save_file

  path = folder / 'model.safetensors'
  save_file(tensors, path)
  return path


def logits(found: Pretrained, side: int) -> np.ndarray:
  """The logits of the formula's two images."""
  apply = jax.jit(found.model.apply, compiler_options=QUICK)
  return np.asarray(apply(found.variables, formula.images(2, side)))


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
  """The largest difference over the largest number."""
  return float(np.abs(ours - theirs).max() / np.abs(theirs).max())
