"""What a training of one's own images ends with."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.core.files import write_bytes, write_text
from mobilenet_jax.data.pipeline import eval_batches
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs import deploy
from mobilenet_jax.models.builder import Network
from mobilenet_jax.report.confusion import confusion_csv, draw_confusion
from mobilenet_jax.report.mistakes import MOST, Mistake, draw_mistakes
from mobilenet_jax.tasks.classification import predict_fn
from mobilenet_jax.tasks.metrics import Tally

BATCH = 200
MOST_CLASSES = 1000  # of a matrix that anybody can look at
TABLE, PICTURE, SHEET, MODEL = (
  'confusion.csv', 'confusion.png', 'mistakes.png', 'model.tflite',
)  # fmt: skip


def deliver(
  network: Network, variables: Any, source: Source, folder: Path
) -> dict[str, Any]:
  """Shows what a network has learnt, and exports it.

  Args:
    network: the module.
    variables: what it is applied with.
    source: images that it has not seen.
    folder: gets `confusion.csv`, `confusion.png`, `mistakes.png` (where there
      are mistakes) and `model.tflite` with the names of the classes inside.

  Returns:
    'classes', of each its name, how many images it has and the accuracy (None
    without any); 'confusion', counts, a row a true class, of
    at most `MOST_CLASSES`; 'mistakes', the
    worst first; 'deployed', see `deploy.export`; 'files', their names.
  """
  spec, names = network.spec, source.class_names
  tally, wrong = Tally(spec.num_classes), []
  for logits, batch, start in _answers(network, variables, source):
    tally.add(logits, batch['label'], batch['weight'])
    wrong += _mistakes(logits, batch['label'], start)
  wrong.sort(key=lambda one: (one[0], one[1]))
  worst = [_named(source, *one) for one in wrong[:MOST]]
  files = []
  few = spec.num_classes <= MOST_CLASSES
  if few:
    confusion = tally.confusion
    write_text(folder / TABLE, confusion_csv(confusion, names))
    right = int(np.trace(confusion))
    title = f'{right} of {len(source)} test images right'
    write_bytes(folder / PICTURE, draw_confusion(confusion, names, title))
    files = [TABLE, PICTURE]
  if worst:
    pictures = [source[i]['image'] for _, i, *_ in wrong[:MOST]]
    write_bytes(folder / SHEET, draw_mistakes(worst, pictures))
  deployed = deploy.export(spec, variables, folder / MODEL, source, names)
  return {
    'classes': [
      {
        'name': names[score.index],
        'images': score.images,
        'accuracy': score.accuracy,
      }
      for score in tally.per_class()
    ],
    **({'confusion': tally.confusion.tolist()} if few else {}),
    'mistakes': [asdict(one) for one in worst],
    'deployed': deployed,
    'files': [*files, *([SHEET] if worst else []), MODEL],
  }


def _answers(
  network: Network, variables: Any, source: Source
) -> Iterator[tuple[np.ndarray, Any, int]]:
  """Logits [N, K] of batches, with each batch and where it starts."""
  spec, predict = network.spec, predict_fn(network)
  batches = eval_batches(
    source, batch=BATCH, resolution=spec.resolution, inputs=spec.inputs
  )
  for number, batch in enumerate(batches):
    count = int(batch['weight'].sum())
    logits = np.asarray(predict(variables, batch['image']))[:count]
    rows = {key: values[:count] for key, values in batch.items()}
    yield logits, rows, number * BATCH


Wrong = tuple[float, int, int, int, float]


def _mistakes(
  logits: np.ndarray, labels: np.ndarray, start: int
) -> list[Wrong]:
  """Of each wrong answer: how likely its class was thought to be, number of
  the image, class, answer, how likely that was."""
  odds = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
  odds /= odds.sum(1, keepdims=True)
  answers = logits.argmax(1)
  return [
    (
      float(odds[i, labels[i]]), start + int(i), int(labels[i]),
      int(answers[i]), float(odds[i, answers[i]]),
    )
    for i in np.flatnonzero(answers != labels)
  ]  # fmt: skip


def _named(
  source: Source, odds: float, i: int, label: int, answer: int, said: float
) -> Mistake:
  names = source.class_names
  return Mistake(source.image_name(i), names[label], names[answer], said, odds)
