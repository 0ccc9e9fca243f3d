"""Labels and preparation inside a TFLite file, as its metadata has them.

The model gets a 'TFLITE_METADATA' entry (a flatbuffer by the schema
`metadata_schema.fbs` of tensorflow/tflite-support, version 1.0) that says how
an image becomes its input and which file names its outputs; that file is
appended as a zip, so that the model is both.
"""

import io
import math
import struct
import zipfile
from collections.abc import Sequence
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.text import printable

ENTRY = b'TFLITE_METADATA'  # what readers look for among a model's metadata
IDENTIFIER = b'M001'  # of the schema
FILE = 'labels.txt'
PARSER = '1.0.0'  # the oldest that knows all fields that are used
IMAGE, NORMALIZATION = 2, 1  # members of unions
RGB, GREY = 1, 2
AXIS_LABELS = 2  # a file that names the entries of an axis
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same bytes every day


def with_labels(model: bytes, spec: ArchSpec, labels: Sequence[str]) -> bytes:
  """Returns a TFLite model of a network with the names of its classes inside.

  Args:
    model: of one input and one output.
    spec: of the network.
    labels: a name a class, in order.
  """
  from ai_edge_litert import schema_py_generated as schema
  from ai_edge_litert.tools import flatbuffer_utils

  tree: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
  entry: Any = schema.MetadataT()
  entry.name, entry.buffer = ENTRY, len(tree.buffers)
  buffer: Any = schema.BufferT()
  buffer.data = list(_metadata(spec))
  tree.buffers.append(buffer)
  tree.metadata = [*(tree.metadata or []), entry]
  whole = io.BytesIO(flatbuffer_utils.convert_object_to_bytearray(tree))
  with zipfile.ZipFile(whole, 'a') as files:
    lines = '\n'.join(map(printable, labels))
    files.writestr(zipfile.ZipInfo(FILE, ZIP_DATE), lines)
  return whole.getvalue()


def _metadata(spec: ArchSpec) -> bytes:
  """The flatbuffer ModelMetadata of a network: slots are the schema's."""
  import flatbuffers

  make = _Tables(flatbuffers.Builder(512))
  side, inputs = ('Uint32', spec.resolution), spec.inputs
  color = RGB if spec.in_channels == 3 else GREY
  image = make.table({0: ('Int8', color), 1: make.table({0: side, 1: side})})
  scaling = make.table(
    {0: make.levels(inputs.mean), 1: make.levels(inputs.std)}
  )
  unit = make.table({0: ('Uint8', NORMALIZATION), 1: scaling})
  content = make.table({0: ('Uint8', IMAGE), 1: image})
  first = make.table(
    {0: make.text('image'), 3: content, 4: make.vector([unit])}
  )
  file = make.table({0: make.text(FILE), 2: ('Int8', AXIS_LABELS)})
  what = make.text('Logits, of which a softmax makes probabilities.')
  last = make.table({0: make.text('logits'), 1: what, 6: make.vector([file])})
  graph = make.table({2: make.vector([first]), 3: make.vector([last])})
  name, parser = make.text(spec.name), make.text(PARSER)
  return make.finish(make.table({0: name, 3: make.vector([graph]), 7: parser}))


Numbers = tuple[float, float, float]


def read_normalization(model: bytes) -> tuple[Numbers, Numbers] | None:
  """Mean and std of an RGB image, as shares of the brightest pixel, that a
  file's metadata tell; None where they tell none."""
  from ai_edge_litert.tools import flatbuffer_utils

  try:
    tree: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    entries = {entry.name: entry.buffer for entry in tree.metadata or []}
    data = bytes(tree.buffers[entries[ENTRY]].data)
    graph = _Table.root(data).vector(3)[0]
    for unit in graph.vector(2)[0].vector(4):
      if unit.byte(0) == NORMALIZATION:
        levels = unit.inner(1)
        mean, std = levels.floats(0), levels.floats(1)
        return _three(mean), _three(std)
  except (KeyError, IndexError, TypeError, ValueError, struct.error):
    return None  # none, or another's of which nothing can be learnt
  return None


def _three(levels: Sequence[float]) -> Numbers:
  """One number for all channels, or one each."""
  red, green, blue = levels if len(levels) > 1 else 3 * tuple(levels)
  if not all(math.isfinite(v) for v in (red, green, blue)):
    raise ValueError(f'{levels} are not finite')
  return red / 255, green / 255, blue / 255


class _Table:
  """A table in a flatbuffer, read by slots."""

  def __init__(self, data: bytes, at: int):
    if not 0 <= at <= len(data) - 4:
      raise ValueError(f'{at} is outside of {len(data)} bytes')
    self._data, self._at = data, at

  @classmethod
  def root(cls, data: bytes) -> '_Table':
    return cls(data, _number('<I', data, 0))

  def byte(self, slot: int) -> int:
    return _number('<B', self._data, self._field(slot))

  def inner(self, slot: int) -> '_Table':
    at = self._field(slot)
    return _Table(self._data, at + _number('<I', self._data, at))

  def vector(self, slot: int) -> list['_Table']:
    """Tables."""
    start, count = self._vector(slot)
    places = (start + 4 * i for i in range(count))
    return [
      _Table(self._data, at + _number('<I', self._data, at)) for at in places
    ]

  def floats(self, slot: int) -> tuple[float, ...]:
    start, count = self._vector(slot)
    return struct.unpack_from(f'<{count}f', self._data, start)

  def _vector(self, slot: int) -> tuple[int, int]:
    """Where a vector starts, and how many it has."""
    at = self._field(slot)
    at += _number('<I', self._data, at)
    count = _number('<I', self._data, at)
    if 4 * count > len(self._data):
      raise ValueError(f'{count} entries in {len(self._data)} bytes')
    return at + 4, count

  def _field(self, slot: int) -> int:
    """Where a field is."""
    table = self._at - _number('<i', self._data, self._at)
    size = _number('<H', self._data, table)
    if 4 + 2 * slot >= size:
      raise KeyError(slot)
    offset = _number('<H', self._data, table + 4 + 2 * slot)
    if not offset:
      raise KeyError(slot)
    return self._at + offset


def _number(kind: str, data: bytes, at: int) -> int:
  if at < 0:
    raise ValueError(f'{at} is before the first byte')
  return struct.unpack_from(kind, data, at)[0]


Field = tuple[str, int]  # the kind of a value in a table, and the value


class _Tables:
  """Makes the parts of a flatbuffer, inner ones first."""

  def __init__(self, builder: Any):
    self._builder = builder

  def table(self, fields: dict[int, Field]) -> Field:
    """A table of values by slot."""
    self._builder.StartObject(max(fields) + 1)
    for slot, (kind, value) in fields.items():
      getattr(self._builder, f'Prepend{kind}Slot')(slot, value, 0)
    return self._offset(self._builder.EndObject())

  def text(self, text: str) -> Field:
    """A string."""
    return self._offset(self._builder.CreateString(text))

  def vector(self, parts: Sequence[Field]) -> Field:
    """A list of tables."""
    self._builder.StartVector(4, len(parts), 4)
    for _, offset in reversed(parts):
      self._builder.PrependUOffsetTRelative(offset)
    return self._offset(self._builder.EndVector())

  def levels(self, shares: Sequence[float]) -> Field:
    """Shares of the brightest pixel, as numbers of 255."""
    self._builder.StartVector(4, len(shares), 4)
    for share in reversed(shares):
      self._builder.PrependFloat32(255 * share)
    return self._offset(self._builder.EndVector())

  def finish(self, root: Field) -> bytes:
    """The whole."""
    self._builder.Finish(root[1], file_identifier=IDENTIFIER)
    return bytes(self._builder.Output())

  def _offset(self, value: int) -> Field:
    return 'UOffsetTRelative', value
