"""`train` with a teacher: a run folder, or weights of the zoo."""

import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from mobilenet_jax.arch import count, from_string
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import Terminated, UserError
from mobilenet_jax.jobs import evaluating, trained, training
from mobilenet_jax.jobs.subjects import from_run
from mobilenet_jax.models.builder import build, variable_shapes
from mobilenet_jax.models.pretrained.own import save_weights
from mobilenet_jax.tasks import classification
from mobilenet_jax.train import loop
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.metrics import read_metrics
from tests.train.toy import same

BIG = 'big@32 conv_k3_s2_c12_re ir_k3_s2_e2_c16_re pool dense_c10_li'
SMALL = 'small@32 conv_k3_s2_c8_re ir_k3_s2_e2_c8_re pool dense_c10_li'
FEATURES = (
  '--config.train.distill.features=1.0',
  '--config.train.distill.student_endpoint=stride4',
  '--config.train.distill.teacher_endpoint=stride4',
  '--config.train.ema=0.5',
)


@pytest.fixture
def configured(scenes):
  def make(network, *more):
    config = ['--config=configs/distill.py:runlocal', scenes]
    named = f'--config.model.name={network}'
    return ConfigDict(load_config([*config, named, *more]))

  return make


@pytest.fixture(scope='module')
def taught(scenes, tmp_path_factory):
  """A folder that holds a finished run, and the override that names it."""
  folder = tmp_path_factory.mktemp('runs') / 'teacher'
  config = ['--config=configs/distill.py:teacher-runlocal', scenes]
  named = f'--config.model.name={BIG}'
  training.run(ConfigDict(load_config([*config, named])), str(folder))
  return folder, f'--config.train.distill.teacher={folder}'


def weights(folder):
  return trained.open_trained(str(folder)).variables


def test_a_student_stopped_and_resumed_ends_the_same_and_stands_alone(
  configured, taught, tmp_path, monkeypatch
):
  folder, named = taught
  teacher = tmp_path / 'teacher'
  shutil.copytree(folder, teacher)
  named = f'--config.train.distill.teacher={teacher}'
  config = configured(SMALL, named, *FEATURES)
  whole, broken = tmp_path / 'whole', tmp_path / 'broken'
  result = training.run(config, str(whole))

  real, steps = loop.Watch.settle, []

  def stop_in_step_5(self, taken):
    steps.append(taken)
    if len(steps) == 5:
      raise KeyboardInterrupt
    real(self, taken)

  monkeypatch.setattr(loop.Watch, 'settle', stop_in_step_5)
  with pytest.raises(KeyboardInterrupt):
    training.run(config, str(broken))
  monkeypatch.undo()
  assert training.run(config, str(broken)) == result
  for name in ('metrics.jsonl', 'teacher.json', 'arch.json', 'result.json'):
    assert (whole / name).read_bytes() == (broken / name).read_bytes(), name
  same(weights(whole), weights(broken))

  shutil.rmtree(teacher)  # evaluating and exporting need none
  again = evaluating.evaluate(from_run(str(broken))).as_json()
  assert again['accuracy'] == result['test']['accuracy']
  spec = trained.open_trained(str(broken)).spec
  expected = variable_shapes(build(spec))
  assert jax.tree.structure(weights(broken)) == jax.tree.structure(expected)
  assert result['params'] == count(from_string(SMALL)).params
  saved = Checkpoints(broken / 'checkpoints')
  step = saved.latest_step()
  saved.close()
  assert (broken / 'checkpoints' / str(step)).is_dir()
  export = trained.export(str(broken), str(tmp_path / 'model.tflite'))
  assert export['max_difference'] < 1e-4


def test_weights_of_a_file_teach_what_their_run_does(
  configured, taught, tmp_path
):
  folder, named = taught
  made = trained.open_trained(str(folder))
  path = tmp_path / 'big.safetensors'
  save_weights(path, made.spec, made.variables)
  file = (
    '--config.train.distill.teacher=big',
    f'--config.train.distill.weights={path}',
  )
  losses = {}
  for name, more in {'folder': (named,), 'file': file, 'none': ()}.items():
    training.run(configured(SMALL, *more), str(tmp_path / name))
    losses[name] = [r['loss'] for r in read_metrics(tmp_path / name)]
  same(weights(tmp_path / 'folder'), weights(tmp_path / 'file'))
  apart = np.subtract(losses['folder'], losses['none'])
  assert np.abs(apart).min() > 1e-3  # it is heard from the first step on


def test_another_teacher_cannot_go_on(
  configured, taught, tmp_path, monkeypatch
):
  folder, _ = taught
  teacher = tmp_path / 'teacher'
  shutil.copytree(folder, teacher)
  named = f'--config.train.distill.teacher={teacher}'
  config, run = configured(SMALL, named), tmp_path / 'run'
  real = loop.stopping

  class Stopped:
    def __enter__(self):
      return lambda step: True

    def __exit__(self, *_):
      pass

  monkeypatch.setattr(loop, 'stopping', Stopped)
  with pytest.raises(Terminated):
    training.run(config, str(run))
  monkeypatch.setattr(loop, 'stopping', real)
  shutil.rmtree(teacher)
  again = ['--config.seed=1', '--config.train.steps=3']
  training.run(configured(BIG, *again), str(teacher))
  before = sorted(p.name for p in run.iterdir())
  with pytest.raises(UserError, match='The teacher big is not the one that'):
    training.run(config, str(run))
  assert sorted(p.name for p in run.iterdir()) == before


@pytest.mark.parametrize(
  ('more', 'says'),
  [
    (
      ['teacher=runs/nowhere'],
      r"'runs/nowhere' is no folder of a run, and no network of the zoo\.$",
    ),
    (
      ['teacher=mobilenet_v3_larg'],
      r"no network of the zoo\. Did you mean 'mobilenet_v3_large'\?$",
    ),
    (
      ['teacher=mobilenet_v3_large'],
      r'its weights are wanted, too: --config\.train\.distill\.weights=FILE',
    ),
    (
      ['teacher=mobilenet_v3_large', 'weights=/nowhere.safetensors'],
      r'/nowhere\.safetensors',
    ),
    (['weights=big.safetensors'], 'does not say of which network'),
    (
      ['teacher=TAUGHT', 'soft=0.0'],
      r'Nothing is learnt from train\.distill\.teacher .*: soft and features',
    ),
    (['soft=1.5'], r'train\.distill\.soft is 1\.5; it must be 0 to 1'),
    (['temperature=0.0'], r'temperature is 0\.0; it must be 0\.001 to 1000'),
    (
      ['teacher=TAUGHT', 'features=1.0', 'student_endpoint=stride16'],
      "small has no endpoint 'stride16'",
    ),
    (
      ['teacher=TAUGHT', 'features=1.0', 'teacher_endpoint=blok_01'],
      "big has no endpoint 'blok_01'",
    ),
  ],
)
def test_wrong_teachers_stop_before_any_work(
  configured, taught, tmp_path, more, says
):
  named = [text.replace('TAUGHT', str(taught[0])) for text in more]
  config = configured(SMALL, *(f'--config.train.distill.{t}' for t in named))
  with pytest.raises(UserError, match=says):
    training.run(config, str(tmp_path / 'run'))
  assert not (tmp_path / 'run').exists()


def test_a_teacher_of_other_classes_is_refused(
  configured, taught, tmp_path, monkeypatch
):
  network = from_string('x@32 conv_k3_s2_c8_re pool dense_c7_li')
  variables = classification.init_variables(build(network), 0)
  path = tmp_path / 'x.safetensors'
  save_weights(path, network, variables)
  config = configured(
    SMALL, '--config.train.distill.teacher=x',
    f'--config.train.distill.weights={path}',
  )  # fmt: skip
  says = 'The teacher x has 7 classes, its student small has 10; they must'
  with pytest.raises(UserError, match=says):
    training.run(config, str(tmp_path / 'run'))
  assert not Path(tmp_path / 'run').exists()
