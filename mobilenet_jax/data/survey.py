"""Reads all images of a data set and tells what is in it and wrong with it."""

import dataclasses
import statistics
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import make_folder, write_bytes, write_json
from mobilenet_jax.core.progress import progress
from mobilenet_jax.core.text import counted
from mobilenet_jax.data import duplicates, folder
from mobilenet_jax.data.augment import to_rgb
from mobilenet_jax.data.checks import label_counts
from mobilenet_jax.data.folder_tree import Tree, scan
from mobilenet_jax.data.sheet import ROWS, draw_sheet
from mobilenet_jax.data.sources import Source, open_source, split_names

READERS = 4  # threads; each holds one decoded picture at most
GROUP = 256  # images between two looks at the progress
CELL = (48, 160)  # least and most pixels of a sample on the sheet
SHEET, REPORT = 'samples.png', 'check.json'


class Seen(NamedTuple):
  """An image that was read; or why it was not, in `error`."""

  width: int = 0
  height: int = 0
  label: int = -1
  pixels: bytes = b''  # hash
  shape: int = 0  # difference hash
  error: str = ''


@dataclasses.dataclass(frozen=True)
class Survey:
  """What `survey` found.

  Attributes:
    name: of the data set.
    class_names: one a class.
    splits: of each split 'images', 'broken' (a list of {'image', 'error'}),
      'width' and 'height' ({'min', 'median', 'max'} in pixels, None where no
      image can be read), and 'per_class' (a list of counts).
    same: groups of images of the same pixels, each {'split', 'image', 'class'}.
    near: pairs of images that look nearly the same, likewise.
    problems: sentences on what must be mended.
    remarks: sentences on what is probably a mistake.
    sheet: the picture of augmented samples, if one was wanted.
  """

  name: str
  class_names: tuple[str, ...]
  splits: Mapping[str, Mapping[str, Any]]
  same: Sequence[Sequence[Mapping[str, str]]]
  near: Sequence[Sequence[Mapping[str, str]]]
  problems: Sequence[str]
  remarks: Sequence[str]
  sheet: str | None = None

  def as_json(self) -> dict[str, Any]:
    """Plain dicts and lists."""
    return {'source': self.name, **dataclasses.asdict(self)} | {
      'class_names': list(self.class_names)
    }

  def check(self) -> None:
    """Raises `JobError` if there are problems."""
    if self.problems:
      raise JobError(
        f'{self.name} has {counted(len(self.problems), "problem")}.'
      )


def survey(
  name: str,
  splits: Sequence[str] = (),
  data_dir: str | None = None,
  *,
  out: str | None = None,
) -> Survey:
  """Reads every image of a data set.

  Args:
    name: a TFDS name or 'folder:PATH'.
    splits: which splits or parts of them; all if empty.
    data_dir: where TFDS sets live.
    out: a folder that gets `samples.png`, a sheet of augmented samples of the
      first split, and `check.json`, all that was found; or None.

  Raises:
    UserError: no such data set or split, or `out` cannot be written to.
  """
  if out:
    make_folder(out)
  tree = scan(name) if folder.is_folder(name) else None
  names = tuple(splits) or split_names(name, data_dir)
  sources, unfit = _sources(name, tree, names, data_dir, bool(splits))
  seen = {split: _read(source) for split, source in sources.items()}
  first = next(iter(sources.values()))
  found = _tell(sources, seen, tree, unfit)
  if out:
    path = Path(out)
    samples = _samples(seen[first.split])
    if len(samples):
      sheet = draw_sheet(first, samples, _cell(seen[first.split]))
      write_bytes(path / SHEET, sheet)
      found = dataclasses.replace(found, sheet=str(path / SHEET))
    write_json(path / REPORT, found.as_json())
  return found


def _sources(
  name: str,
  tree: Tree | None,
  splits: Sequence[str],
  data_dir: str | None,
  wanted: bool,
) -> tuple[dict[str, Source], list[str]]:
  """The splits' sources (of a folder with its broken images).

  Returns:
    The sources, and sentences on splits that are unfit; if all are, or one
    that is `wanted`, its sentence is raised.
  """
  sources, unfit = {}, []
  for split in splits:
    try:
      if tree is None:
        sources[split] = open_source(name, split, data_dir)
      else:
        images = folder.pictures(name, tree, split)
        sources[split] = Source(
          name, split, tree.class_names, images, images.paths
        )
    except UserError as error:
      if wanted:
        raise
      unfit.append(str(error))
  if not sources:
    raise UserError([*(tree.problems if tree else ()), *unfit][0])
  return sources, unfit


def _read(source: Source) -> list[Seen]:
  """Looks at every image of a source, in order."""
  seen: list[Seen] = []
  title = f'reading {source.split}'
  with (
    warnings.catch_warnings(),
    ThreadPoolExecutor(READERS) as pool,
    progress(title, len(source)) as shown,
  ):
    warnings.filterwarnings('ignore', module='PIL')  # of odd camera notes
    for start in range(0, len(source), GROUP):
      group = range(start, min(start + GROUP, len(source)))
      seen += pool.map(lambda i: _look(source, i), group)
      shown.advance(len(group))
  return seen


def _look(source: Source, i: int) -> Seen:
  try:
    example = source[i]
  except UserError as error:
    return Seen(error=str(error))
  image = to_rgb(example['image'])
  height, width = image.shape[:2]
  hashes = duplicates.pixel_hash(image), duplicates.difference_hash(image)
  return Seen(width, height, example['label'], *hashes)


def _tell(
  sources: Mapping[str, Source],
  seen: Mapping[str, Sequence[Seen]],
  tree: Tree | None,
  unfit: Sequence[str],
) -> Survey:
  source = next(iter(sources.values()))
  name, class_names = source.name, source.class_names
  problems = list(tree.problems) if tree else []
  remarks = [*(tree.remarks if tree else ()), *unfit]
  rows, flat = {}, []
  for split, images in seen.items():
    row = _row(sources[split], images)
    rows[split] = row
    if row['broken']:
      problems.append(
        f'{len(row["broken"])} of {counted(len(images), "image")} of {split}'
        ' cannot be read.'
      )
    flat += [(split, i, one) for i, one in enumerate(images) if not one.error]
  told = lambda k: {
    'split': flat[k][0],
    'image': sources[flat[k][0]].image_name(flat[k][1]),
    'class': class_names[flat[k][2].label],
  }
  same = [
    [told(k) for k in group]
    for group in duplicates.same([one.pixels for _, _, one in flat])
  ]
  near = [
    [told(i), told(k)]
    for i, k in duplicates.near([one.shape for _, _, one in flat])
    if flat[i][2].pixels != flat[k][2].pixels
  ]
  shared = sum(len({image['split'] for image in group}) > 1 for group in same)
  if shared:
    problems.append(f'in more than one split: {counted(shared, "image")}.')
  torn = sum(len({image['class'] for image in group}) > 1 for group in same)
  if torn:
    problems.append(f'in more than one class: {counted(torn, "image")}.')
  return Survey(name, class_names, rows, same, near, problems, remarks)


def _row(source: Source, images: Sequence[Seen]) -> dict[str, Any]:
  good = [one for one in images if not one.error]
  labels = np.array([one.label for one in good], int)
  counts = label_counts(labels, source.num_classes)
  return {
    'images': len(images),
    'broken': [
      {'image': source.image_name(i), 'error': one.error}
      for i, one in enumerate(images)
      if one.error
    ],
    'width': _spread([one.width for one in good]),
    'height': _spread([one.height for one in good]),
    'per_class': counts.tolist(),
  }


def _spread(sides: Sequence[int]) -> dict[str, float] | None:
  if not sides:
    return None
  middle = statistics.median(sides)
  return {'min': min(sides), 'median': middle, 'max': max(sides)}


def _samples(images: Sequence[Seen]) -> np.ndarray:
  """The first readable image of each of some classes, spread over all."""
  first: dict[int, int] = {}
  for i, one in enumerate(images):
    if not one.error:
      first.setdefault(one.label, i)
  chosen = [first[label] for label in sorted(first)]
  at = np.linspace(0, len(chosen) - 1, min(ROWS, len(chosen))).astype(int)
  return np.array(chosen, int)[at] if chosen else np.array([], int)


def _cell(images: Sequence[Seen]) -> int:
  sides = [min(one.width, one.height) for one in images if not one.error]
  return int(np.clip(statistics.median(sides), *CELL))
