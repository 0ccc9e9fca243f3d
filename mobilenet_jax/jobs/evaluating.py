"""Evaluates a classifier on a split of a data set."""

import contextlib
import csv
import io
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import make_folder, write_text
from mobilenet_jax.core.progress import progress, say
from mobilenet_jax.data.pipeline import eval_batches
from mobilenet_jax.data.sources import Source, open_source
from mobilenet_jax.jobs.matching import match_classes
from mobilenet_jax.jobs.subjects import Subject
from mobilenet_jax.tasks.metrics import Tally

BATCH = 64
MOST_CLASSES = 4096  # of a confusion matrix that is written


@dataclass(frozen=True)
class Evaluation:
  """How a classifier did.

  Attributes:
    name: of the network.
    source: what it saw.
    tally: the counts, over the classes of the source.
    seconds: that it took, the compilation left out.
    notes: what a reader should know, as sentences.
  """

  name: str
  source: Source
  tally: Tally
  seconds: float
  notes: tuple[str, ...]

  def as_json(self) -> dict[str, Any]:
    """'name', 'data', 'split', 'images', what `Tally.summary` says,
    'images_per_second', 'per_class' and 'notes'."""
    return {
      'name': self.name,
      'data': self.source.name,
      'split': self.source.split,
      'images': len(self.tally),
      **self.tally.summary(),
      'images_per_second': len(self.tally) / self.seconds,
      'per_class': self.per_class(),
      'notes': list(self.notes),
    }

  def per_class(self) -> list[dict[str, Any]]:
    """'class', 'images', 'right' and 'accuracy' of every class, in order."""
    return [
      {
        'class': self.source.class_names[row.index],
        'images': row.images,
        'right': row.right,
        'accuracy': row.accuracy,
      }
      for row in self.tally.per_class()
    ]

  def write(self, folder: str | os.PathLike) -> list[Path]:
    """Writes `per_class.csv` and `confusion.csv`; returns their paths.

    A row of the confusion matrix is a class, a column an answer.

    Raises:
      UserError: the folder cannot be written to.
    """
    place = make_folder(folder)
    rows = self.per_class()
    names = [row['class'] for row in rows]
    sheets = {'per_class.csv': [list(rows[0]), *(r.values() for r in rows)]}
    if len(names) <= MOST_CLASSES:
      cells = zip(names, self.tally.confusion.tolist(), strict=True)
      sheets['confusion.csv'] = [
        ['class / answer', *names], *([name, *row] for name, row in cells),
      ]  # fmt: skip
    else:
      say(f'confusion.csv is not written: {len(names):,} classes.')
    for name, sheet in sheets.items():
      write_text(place / name, _csv(sheet))
    return [place / name for name in sheets]


def evaluate(
  subject: Subject,
  *,
  data: str | None = None,
  data_dir: str | None = None,
  split: str | None = None,
  strict: bool = False,
  batch: int = BATCH,
) -> Evaluation:
  """Evaluates a classifier on every image of a split.

  Args:
    subject: of `jobs.subjects` or `jobs.tflite_subject`.
    data: TFDS name or 'folder:PATH'; None: that of the subject's run.
    data_dir: where TFDS sets live; None: the run's, or TFDS' own.
    split: None: the test split of the run, or 'test'.
    strict: broken images of a folder are an error.
    batch: images the network sees at once.

  Raises:
    UserError: there is no such data, or its classes are not the network's.
    JobError: the network gives no finite numbers.
  """
  if batch < 1:
    raise UserError(f'--batch is {batch}; it is 1 or more.')
  source = _open(subject.data, data, data_dir, split, strict)
  columns, note = match_classes(subject, source)
  tally, seconds = _count(subject, source, columns, min(batch, len(source)))
  if not math.isfinite(tally.summary()['loss']):
    raise JobError(
      f'{subject.name} gives no finite numbers; its weights are bad.'
    )
  notes = (*subject.notes, *([note] if note else []))
  return Evaluation(subject.name, source, tally, seconds, notes)


def _open(
  config: Any,
  data: str | None,
  data_dir: str | None,
  split: str | None,
  strict: bool,
) -> Source:
  """The split; each image is read once, so that it is kept nowhere."""
  name, split_name, place = data, split or 'test', data_dir
  if config is not None and data in (None, config.name):
    name, split_name = config.name, split or config.test_split
    place, strict = data_dir or config.dir, strict or config.strict
  if not name:
    raise UserError('--data is missing: a name of TFDS, or folder:PATH.')
  return open_source(name, split_name, place or None, strict=strict, say=say)


def _count(
  subject: Subject, source: Source, columns: np.ndarray | None, batch: int
) -> tuple[Tally, float]:
  """Counts the answers; seconds of reading, preparing and the network."""
  tally, side = Tally(source.num_classes), subject.resolution
  subject.logits(np.zeros((batch, side, side, 3), np.float32))  # compiles
  title = f'evaluating {subject.name}'
  with contextlib.ExitStack() as stack:
    shown = stack.enter_context(progress(title, len(source)))
    start = time.monotonic()
    batches = eval_batches(
      source, batch=batch, resolution=side, inputs=subject.inputs,
      threads=os.cpu_count() or 1,
    )  # fmt: skip
    for one in batches:
      logits = subject.logits(one['image'])
      chosen = logits if columns is None else logits[:, columns]
      tally.add(chosen, one['label'], one['weight'])
      shown.advance(int(one['weight'].sum()))
    seconds = time.monotonic() - start
  return tally, max(seconds, 1e-9)


def _csv(rows: Sequence[Any]) -> str:
  text = io.StringIO()
  csv.writer(text, lineterminator='\n').writerows(rows)
  return text.getvalue()
