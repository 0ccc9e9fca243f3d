"""Exports a network, checks the export, and measures it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.files import write_bytes
from mobilenet_jax.data.pipeline import eval_batches
from mobilenet_jax.data.sources import Source
from mobilenet_jax.export.labels import with_labels
from mobilenet_jax.export.tflite import Interpreter, network_to_tflite
from mobilenet_jax.measure.blocks import block_model
from mobilenet_jax.measure.host import Host
from mobilenet_jax.measure.speed import REFERENCE
from mobilenet_jax.models.builder import build
from mobilenet_jax.tasks.classification import predict_fn

CHECKED_IMAGES = 64
TOLERANCE = 1e-3  # of the largest logit


def export(
  spec: ArchSpec,
  variables: Any,
  path: Path,
  source: Source,
  labels: Sequence[str] = (),
) -> dict[str, Any]:
  """Writes the float TFLite model and compares it with JAX on real images.

  Args:
    spec: the network.
    variables: its weights.
    path: of the file.
    source: of the images.
    labels: names of the classes that go into the file; none where empty.

  Returns:
    'bytes', 'images', 'max_difference' of the logits, 'same_answers' (share
    of equal top-1).

  Raises:
    JobError: the two disagree; nothing is written.
  """
  model = network_to_tflite(spec, variables)
  if labels:
    model = with_labels(model, spec, labels)
  batch = next(
    eval_batches(
      source,
      batch=CHECKED_IMAGES,
      resolution=spec.resolution,
      inputs=spec.inputs,
    )
  )
  count = int(batch['weight'].sum())
  images = np.asarray(batch['image'])[:count]
  ours = np.asarray(predict_fn(build(spec))(variables, images))
  interpreter = Interpreter(model)
  theirs = np.concatenate([interpreter(image[None]) for image in images])
  difference = float(np.abs(ours - theirs).max())
  if not difference <= TOLERANCE * np.abs(ours).max():
    raise JobError(
      f'The exported {spec.name} differs from JAX by {difference:.2g}, logits '
      f'being up to {np.abs(ours).max():.2g}: {path} is not written.'
    )
  write_bytes(path, model)
  return {
    'bytes': len(model),
    'images': count,
    'max_difference': difference,
    'same_answers': float(np.mean(ours.argmax(1) == theirs.argmax(1))),
  }


def remeasure(
  path: Path, priced_ms: float, reference_ms: float | None = None
) -> dict[str, float]:
  """Times an exported model on this computer, beside its priced latency.

  Args:
    reference_ms: of the table that priced it, if it is this computer's.

  Returns:
    'priced_ms', 'measured_ms', 'std_ms', 'ratio' (measured over priced), and
    with a reference 'steady_ratio' (the same at the speed of the table) and
    'drift' (how much slower than then the computer is now).
  """
  host = Host()
  speed = host.speed(block_model(REFERENCE), reference_ms)
  raw, steady = host.time_beside(path.read_bytes(), speed)
  made = {
    'priced_ms': priced_ms,
    'measured_ms': raw.ms,
    'std_ms': raw.std_ms or 0.0,
    'ratio': raw.ms / priced_ms,
  }
  if reference_ms is None:
    return made
  return {
    **made,
    'steady_ratio': steady.ms / priced_ms,
    'drift': raw.ms / steady.ms,
  }
