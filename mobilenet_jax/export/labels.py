"""Labels and preparation inside a TFLite file, as its metadata has them.

The model gets a 'TFLITE_METADATA' entry (a flatbuffer by the schema
`metadata_schema.fbs` of tensorflow/tflite-support, version 1.0) that says how
an image becomes its input and which file names its outputs; that file is
appended as a zip, so that the model is both.
"""

import io
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
