"""An export that does not compute what the network does is not kept."""

import jax
import numpy as np
import pytest

from mobilenet_jax.arch import from_string
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.data.sources import open_source
from mobilenet_jax.jobs import deploy
from mobilenet_jax.models.builder import build
from mobilenet_jax.tasks.classification import init_variables

SPEC = from_string('x@32 conv_k3_s2_c8_re pool dense_c10_li')


def test_an_export_that_disagrees_with_jax_is_not_written(
  tmp_path, scenes_dir, monkeypatch
):
  source = open_source('digit_scenes/32', 'test', str(scenes_dir))
  variables = init_variables(build(SPEC), 0)
  path = tmp_path / 'model.tflite'
  made = deploy.export(SPEC, variables, path, source)
  assert made['same_answers'] == 1.0
  path.unlink()
  wrong = jax.tree.map(lambda leaf: np.asarray(leaf) * 1.1, variables)
  convert = deploy.network_to_tflite
  monkeypatch.setattr(
    deploy, 'network_to_tflite', lambda spec, _: convert(spec, wrong)
  )
  with pytest.raises(JobError, match='differs from JAX by'):
    deploy.export(SPEC, variables, path, source)
  assert not path.exists()
