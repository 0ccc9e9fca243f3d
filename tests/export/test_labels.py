"""A .tflite with labels is a model and a zip, and says how to feed it."""

import io
import zipfile

import flatbuffers
import jax
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mobilenet_jax import arch
from mobilenet_jax.arch.inputs import IMAGENET
from mobilenet_jax.export.labels import (
  IDENTIFIER,
  read_normalization,
  with_labels,
)
from mobilenet_jax.export.tflite import Interpreter, network_to_tflite
from mobilenet_jax.models.builder import build, image_shape

LABELS = ['cat', 'Käse = $1', 'a, "b"']
SPEC = arch.from_string('tiny@12 conv_k3_s2_c8_re pool dense_c3_li').replace(
  inputs=IMAGENET
)


@pytest.fixture(scope='module')
def model():
  images = np.zeros(image_shape(SPEC), np.float32)
  variables = build(SPEC).init(jax.random.key(0), images)
  return network_to_tflite(SPEC, variables)


@pytest.fixture(scope='module')
def labelled(model):
  return with_labels(model, SPEC, LABELS)


def test_labels_are_read_by_zipfile(labelled):
  with zipfile.ZipFile(io.BytesIO(labelled)) as files:
    assert files.namelist() == ['labels.txt']
    assert files.read('labels.txt').decode().splitlines() == LABELS


def test_it_computes_the_same_bits(model, labelled):
  image = np.random.default_rng(0).normal(size=image_shape(SPEC))
  image = image.astype(np.float32)
  expected = Interpreter(model)(image)
  np.testing.assert_array_equal(Interpreter(labelled)(image), expected)
  assert np.ptp(expected) > 0


def test_the_same_network_gives_the_same_file(model, labelled):
  assert with_labels(model, SPEC, LABELS) == labelled


def at(table, slot):
  """The table, string or vector in a slot of a table of a flatbuffer."""
  offset = table.Offset(4 + 2 * slot)
  assert offset, f'nothing in slot {slot}'
  return offset + table.Pos


def inner(table, slot, index=None):
  place = at(table, slot)
  if index is None:
    return flatbuffers.table.Table(table.Bytes, table.Indirect(place))
  first = table.Vector(place - table.Pos) + 4 * index
  return flatbuffers.table.Table(table.Bytes, table.Indirect(first))


def text(table, slot):
  return table.String(at(table, slot)).decode()


def floats(table, slot):
  offset = at(table, slot) - table.Pos
  flags = flatbuffers.number_types.Float32Flags
  return [
    table.Get(flags, table.Vector(offset) + 4 * i)
    for i in range(table.VectorLen(offset))
  ]


def test_the_metadata_says_what_goes_in_and_comes_out(labelled):
  """Slots are those of metadata_schema.fbs. The whole was once read by
  tflite-support 0.4.4, and run by MediaPipe 1.2.2's ImageClassifier."""
  whole = schema.Model.GetRootAsModel(bytearray(labelled), 0)
  entries = [whole.Metadata(i) for i in range(whole.MetadataLength())]
  (entry,) = [e for e in entries if e.Name() == b'TFLITE_METADATA']
  data = bytearray(whole.Buffers(entry.Buffer()).DataAsNumpy().tobytes())
  assert data[4:8] == b'M001'
  root = flatbuffers.encode.Get(flatbuffers.packer.uoffset, data, 0)
  table = flatbuffers.table.Table(data, root)
  assert (text(table, 0), text(table, 7)) == ('tiny', '1.0.0')
  graph = inner(table, 3, 0)
  image, logits = inner(graph, 2, 0), inner(graph, 3, 0)
  scaling = inner(inner(image, 4, 0), 1)
  mean = [255 * x for x in IMAGENET.mean]
  np.testing.assert_allclose(floats(scaling, 0), mean, rtol=1e-6)
  std = [255 * x for x in IMAGENET.std]
  np.testing.assert_allclose(floats(scaling, 1), std, rtol=1e-6)
  assert text(inner(logits, 6, 0), 0) == 'labels.txt'


def test_a_file_tells_its_mean_and_std(model, labelled):
  mean, std = read_normalization(labelled)
  np.testing.assert_allclose(mean, IMAGENET.mean, rtol=1e-6)
  np.testing.assert_allclose(std, IMAGENET.std, rtol=1e-6)
  assert read_normalization(model) is None


def test_damaged_metadata_break_nothing(labelled):
  first = labelled.index(IDENTIFIER) - 4
  rng = np.random.default_rng(0)
  told = []
  for _ in range(200):
    spoilt = bytearray(labelled)
    for i in first + rng.integers(0, 300, 6):
      spoilt[i] = rng.integers(256)
    told.append(read_normalization(bytes(spoilt)))
  assert told.count(None) > 20
