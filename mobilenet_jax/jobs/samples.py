"""What a network says of some test images, kept for the report."""

import base64
import io
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.data.pipeline import eval_batches
from mobilenet_jax.data.sources import Source
from mobilenet_jax.models.builder import build
from mobilenet_jax.tasks.classification import predict_fn

SAMPLES = 32


def sample_predictions(
  spec: ArchSpec, variables: Any, source: Source
) -> list[dict[str, Any]]:
  """Predictions on the first images of a source.

  Returns:
    For each: 'image' (base64 PNG), 'label', 'answer', 'probability'.
  """
  batch = next(
    eval_batches(
      source,
      batch=SAMPLES,
      resolution=spec.resolution,
      inputs=spec.inputs,
    )
  )
  logits = np.asarray(predict_fn(build(spec))(variables, batch['image']))
  odds = np.exp(logits - logits.max(1, keepdims=True))
  odds /= odds.sum(1, keepdims=True)
  names = source.class_names
  return [
    {
      'image': base64.b64encode(_png(source[i]['image'])).decode(),
      'label': names[int(batch['label'][i])],
      'answer': names[int(odds[i].argmax())],
      'probability': float(odds[i].max()),
    }
    for i in range(int(batch['weight'].sum()))
  ]


def _png(image: np.ndarray) -> bytes:
  from PIL import Image

  data = io.BytesIO()
  Image.fromarray(image).save(data, 'png')
  return data.getvalue()
