"""ImageNet's config against TFDS's own stand-in for imagenet2012.

`mock_data` draws JPEG pictures with the features of the real builder (any
height and width, 1000 classes), behind the random access that we read.
"""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds

from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.data.sources import open_source
from mobilenet_jax.jobs import trained, training
from mobilenet_jax.train.checkpoints import Checkpoints

CONFIG = Path(__file__).parents[2] / 'configs' / 'mobilenet_v3.py'
NARROW = (
  'v3@32 conv_k3_s2_c8_hs ir_k3_s2_e2_c16_se0.25_hs ir_k3_e2_c16_hs pool '
  'dense_c1000_li'
)
PICTURES = 24


@pytest.fixture(scope='module', autouse=True)
def imagenet():
  with tfds.testing.mock_data(num_examples=PICTURES):
    yield


def config():
  return load_config(
    [
      f'--config={CONFIG}:slim', f'--config.model.name={NARROW}',
      '--config.model.resolution=32', '--config.train.steps=8',
      '--config.train.batch=8', '--config.train.log_every=1',
      '--config.train.save_every=3',
    ]
  )  # fmt: skip


def test_the_pictures_are_imagenet_s(capsys):
  source = open_source('imagenet2012', 'train')
  assert (len(source), source.num_classes) == (PICTURES, 1000)
  assert source.class_names[0] == 'n01440764'
  examples = [source[i] for i in range(6)]
  shapes = {example['image'].shape for example in examples}
  assert len(shapes) > 1  # photographs differ in size
  assert all(shape[2] == 3 for shape in shapes)
  opened, label = source.examples.opened(3)
  assert opened.format == 'JPEG'  # not decoded before it is cropped
  assert label == examples[3]['label']
  np.testing.assert_array_equal(np.asarray(opened), examples[3]['image'])


def test_a_stopped_run_ends_as_one_that_was_not(tmp_path, monkeypatch):
  whole, stopped = tmp_path / 'whole', tmp_path / 'stopped'
  result = training.run(config(), str(whole))
  assert 0 <= result['test']['accuracy'] <= 1

  save = Checkpoints.save

  def fails(self, step, *more):
    if step == 6:
      raise JobError('the machine is gone')
    save(self, step, *more)

  with monkeypatch.context() as patch:
    patch.setattr(Checkpoints, 'save', fails)
    with pytest.raises(JobError, match='gone'):
      training.run(config(), str(stopped))
  assert not (stopped / 'result.json').exists()
  assert [p.name for p in (stopped / 'checkpoints').glob('[0-9]*')] == ['3']
  again = training.run(config(), str(stopped))

  assert again == result
  for name in ('metrics.jsonl', 'data.json', 'result.json'):
    assert (stopped / name).read_bytes() == (whole / name).read_bytes()
  rows = (whole / 'metrics.jsonl').read_text().splitlines()
  assert [json.loads(row)['step'] for row in rows] == list(range(1, 9))
  ours, theirs = (
    trained.open_trained(str(f)).variables for f in (stopped, whole)
  )
  for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
    np.testing.assert_array_equal(a, b)
