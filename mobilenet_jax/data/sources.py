"""Where images come from: one random-access view of TFDS sets and folders."""

import contextlib
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.data.augment import to_rgb
from mobilenet_jax.data.folder import is_folder, open_folder
from mobilenet_jax.data.folder_tree import scan
from mobilenet_jax.data.preparing import (
  Say,
  prepare,
  prepared_builder,
  say_on_stderr,
)

__all__ = [
  'Columns', 'Source', 'cache_in_memory', 'open_source', 'prepare',
  'split_names',
]  # fmt: skip

Example = dict[str, Any]

_MODES = {1: 'L', 3: 'RGB', 4: 'RGBA'}  # channels to Pillow's names


class Examples(Protocol):
  """Anything with a length that maps 0 <= i < length to an example."""

  def __len__(self) -> int: ...
  def __getitem__(self, i: int) -> Example: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
  """A labelled image set, read by index.

  Attributes:
    name: TFDS name, 'digit_scenes/64', or 'folder:PATH'.
    split: TFDS split, 'train[:80%]'.
    class_names: one string a class.
    examples: what holds the examples.
    paths: of a folder the images' files, relative to it; else empty.
  """

  name: str
  split: str
  class_names: tuple[str, ...]
  examples: Examples
  paths: Sequence[str] = ()

  @property
  def num_classes(self) -> int:
    return len(self.class_names)

  @property
  def labels(self) -> np.ndarray | None:
    """int [N], where labels are known without reading images; else None."""
    return getattr(self.examples, 'labels', None)

  def image_name(self, i: int) -> str:
    """What people call an image: its path in a folder, else 'train 17'."""
    return self.paths[i] if self.paths else f'{self.split} {i}'

  def fingerprint(self) -> str:
    """Differs where index i may mean another image; a resumed run compares it.

    Of a folder it follows from the images' relative paths and labels, without
    those left out; of others from name, split and length.
    """
    what = [list(self.class_names), len(self)]
    if self.paths:
      labels = np.asarray(self.labels).tolist()
      what += [labels, list(map(ascii, self.paths))]
    else:
      what += [self.name, self.split]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()

  def __len__(self) -> int:
    return len(self.examples)

  def __getitem__(self, i: int) -> Example:
    """Returns {'image': uint8 [H, W, C], 'label': int} and any extra fields."""
    if not 0 <= i < len(self):
      raise IndexError(f'{i} is not in 0..{len(self) - 1}')
    return self.examples[i]

  def __iter__(self) -> Iterator[Example]:
    return (self[i] for i in range(len(self)))


def open_source(
  name: str,
  split: str,
  data_dir: str | None = None,
  *,
  fields: Sequence[str] = (),
  strict: bool = False,
  say: Say = say_on_stderr,
) -> Source:
  """Opens one split of a data set.

  A TFDS set is prepared first where it is missing; the images of a folder are
  checked first, see `data.folder`.

  Args:
    name: TFDS name, such as 'digit_scenes/64', 'cifar10' or 'imagenet2012'; or
      'folder:PATH', of one subfolder a class.
    split: TFDS split, such as 'test' or 'train[:80%]'.
    data_dir: where data sets live; None: TFDS' own, ~/tensorflow_datasets.
    fields: features wanted besides 'image' and 'label', such as 'bbox' (float32
      [4]: ymin, xmin, ymax, xmax in [0, 1]) and 'mask' (uint8 [H, W, 1]).
    strict: broken images of a folder are an error; else they are left out. In a
      TFDS set damage always is one.
    say: told before and after a set is prepared, if it has to be, which images
      are left out, and what in a folder looks like a mistake.

  Raises:
    UserError: an unknown name, split or field, a set that cannot be prepared
      here, one that is no labelled image set, or damaged files.
  """
  if is_folder(name):
    if fields:
      raise UserError(f'Data set {name!r} has no field {fields[0]!r}.')
    names, pictures = open_folder(name, split, strict=strict, say=say)
    return Source(name, split, names, pictures, pictures.paths)
  builder = prepared_builder(name, data_dir, say)
  features = builder.info.features
  fields = _check_fields(name, features, fields)
  raw = {  # Left encoded: we decode what was asked for, with Pillow.
    key: tfds.decode.SkipDecoding()
    for key, feature in features.items()
    if isinstance(feature, tfds.features.Image)
  }
  try:
    records = builder.as_data_source(split, decoders=raw)
  except Exception as error:
    _explain_split(builder, name, split, error)
    raise
  examples = _Records(builder, split, records, fields)
  if not len(examples):
    raise UserError(f'Split {split!r} of data set {name!r} is empty.')
  examples[0], examples[len(examples) - 1]  # Damage shows now, not later.
  label = features['label']
  return Source(name, split, tuple(label.names), examples)


def split_names(
  name: str, data_dir: str | None = None, *, say: Say = say_on_stderr
) -> tuple[str, ...]:
  """The splits that a data set has; a TFDS set is prepared first."""
  if is_folder(name):
    return tuple(scan(name).splits)
  return tuple(prepared_builder(name, data_dir, say).info.splits)


def _check_fields(
  name: str, features: Mapping[str, Any], extra: Sequence[str]
) -> tuple[str, ...]:
  kinds = {'image': tfds.features.Image, 'label': tfds.features.ClassLabel}
  if not all(
    key in features and isinstance(features[key], kind)
    for key, kind in kinds.items()
  ):
    raise UserError(
      f'Data set {name!r} is no labelled image set: it has'
      f' {", ".join(features)}, not an image and a class label.'
    )
  for field in extra:
    if field not in features:
      hint = did_you_mean(field, features)
      raise UserError(f'Data set {name!r} has no field {field!r}.{hint}')
  return ('image', 'label', *extra)


def _explain_split(
  builder: Any, name: str, split: str, error: Exception
) -> None:
  """Raises UserError if opening failed by the user's split or files."""
  splits = list(builder.info.splits)
  if not splits:
    raise UserError(
      f'Data set {name!r} is damaged: {builder.data_path} has no readable'
      ' dataset_info.json; remove the folder and prepare it again.'
    ) from error
  if isinstance(error, NotImplementedError):  # Prepared by somebody else.
    raise UserError(
      f'Data set {name!r} in {builder.data_path} is stored as'
      f' {builder.info.file_format.value}, which has no random access; convert'
      ' it with `python -m tensorflow_datasets.scripts.convert_format'
      f' --dataset_dir={builder.data_path} --out_file_format=array_record`.'
    ) from error
  try:
    empty = builder.info.splits[split].num_examples == 0
  except (ValueError, KeyError):
    raise UserError(
      f'Data set {name!r} has no split {split!r}; it has {", ".join(splits)},'
      " and parts of them such as 'train[:80%]'."
    ) from error
  if empty:
    raise UserError(
      f'Split {split!r} of data set {name!r} is empty.'
    ) from error


class _Records:
  """Examples decoded from a TFDS data source at each reading."""

  def __init__(
    self, builder: Any, split: str, records: Any, fields: tuple[str, ...]
  ):
    self._builder, self._split = builder, split
    self._records, self._fields = records, fields

  def __len__(self) -> int:
    return len(self._records)

  def __getitem__(self, i: int) -> Example:
    with self._explained(i):
      record = self._records[i]
      example = {key: self._decode(key, record[key]) for key in self._fields}
    self._check_label(i, example['label'])
    return example

  @contextlib.contextmanager
  def _explained(self, i: int) -> Iterator[None]:
    """Turns what reading record i raises into a sentence."""
    try:
      yield
    except (OSError, RuntimeError, ValueError, EOFError) as error:
      raise UserError(
        f'Data set {self._builder.info.full_name} is damaged: record {i} of'
        f' {self._split!r} in {self._file(i)} cannot be read ({error}); remove'
        f' {self._builder.data_path} and prepare it again.'
      ) from error

  def opened(self, i: int) -> tuple[Image.Image, int]:
    """Returns the image, decoded when it is needed, and its label."""
    with self._explained(i):
      record = self._records[i]
      label = int(record['label'])
      image = Image.open(io.BytesIO(record['image']))
      # what `_decode` makes of it, later
      if image.format != 'JPEG' or image.mode != 'RGB':
        image = Image.fromarray(to_rgb(self._decode('image', record['image'])))
    self._check_label(i, label)
    return image, label

  def _check_label(self, i: int, label: int) -> None:
    classes = self._builder.info.features['label'].num_classes
    if not 0 <= label < classes:  # TFDS' -1 says that there is none
      raise UserError(
        f'Data set {self._builder.info.full_name}: record {i} of'
        f' {self._split!r} has label {label}; its labels go from 0 to'
        f' {classes - 1}, so this split cannot be used.'
      )

  def _decode(self, key: str, value: Any) -> Any:
    if isinstance(value, bytes):
      with Image.open(io.BytesIO(value)) as image:
        channels = self._builder.info.features[key].shape[-1] or 3
        pixels = np.asarray(image.convert(_MODES[channels]))
        return pixels.reshape(*pixels.shape[:2], channels)
    return int(value) if key == 'label' else value

  def _file(self, i: int) -> str:
    for part in self._builder.info.splits[self._split].file_instructions:
      if i < part.take:
        return part.filename
      i -= part.take
    return str(self._builder.data_path)


class Columns:
  """Examples held as one array a field, the first axis being the example."""

  def __init__(self, arrays: Mapping[str, np.ndarray]):
    self.arrays = dict(arrays)

  @property
  def labels(self) -> np.ndarray:
    return self.arrays['label']

  def __len__(self) -> int:
    return len(self.arrays['label'])

  def __getitem__(self, i: int) -> Example:
    example = {key: array[i] for key, array in self.arrays.items()}
    return example | {'label': int(example['label'])}


def cache_in_memory(
  source: Source,
  *,
  max_bytes: int = 512 * 2**20,
  progress: Callable[[int, int], None] | None = None,
) -> Source:
  """Decodes every example once, if they are alike and fit.

  Args:
    source: what to read.
    max_bytes: the most that the decoded examples may take.
    progress: called now and then with examples done and in all.

  Returns:
    A source with the same examples in `Columns`; or `source` itself if its
    images differ in shape or would take more than `max_bytes`.
  """
  first = {key: np.asarray(value) for key, value in source[0].items()}
  total = len(source)
  if total * sum(value.nbytes for value in first.values()) > max_bytes:
    return source
  arrays = {
    key: np.empty((total, *value.shape), value.dtype)
    for key, value in first.items()
  }
  for i, example in enumerate(source):
    for key, value in example.items():
      if np.shape(value) != first[key].shape:
        return source
      arrays[key][i] = value
    if progress and ((i + 1) % 256 == 0 or i + 1 == total):
      progress(i + 1, total)
  return dataclasses.replace(source, examples=Columns(arrays))
