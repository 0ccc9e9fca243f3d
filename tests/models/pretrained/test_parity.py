"""Imported weights give the logits that their libraries gave.

The golden files were made by experiments/pretrained/make_golden.py beside the
libraries themselves; the weights are made again by the same formula.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

import mobilenet_jax as mnj
from mobilenet_jax import arch
from mobilenet_jax.models.builder import build
from mobilenet_jax.models.pretrained import load_pretrained
from mobilenet_jax.models.pretrained.convert import faults, fit, wanted
from mobilenet_jax.models.pretrained.load import conventional
from mobilenet_jax.models.pretrained.source import TORCH
from mobilenet_jax.models.pretrained.sources import LIBRARIES, get_source
from tests.models.pretrained import formula
from tests.models.pretrained.cases import CASES
from tests.models.pretrained.files import logits, write

GOLDEN = Path(__file__).parent / 'golden'
BY_FILE = {case.file.removesuffix('.json'): case for case in CASES}
# one of every library and family; the script runs them all
RUN = [
  'torchvision_mobilenet_v2',
  'torchvision_mobilenet_v3_small',
  'torchvision_mnasnet0_5',
  'torchvision_shufflenet_v2_x0_5',
  'torchvision_squeezenet1_1',
  'torchvision_googlenet',
  'torchvision_resnet50',
  'torchvision_efficientnet_b0',
  'timm_mobilenetv1_100',
  'timm_mobilenetv2_050',
  'timm_mobilenetv3_small_050',
  'timm_tf_mobilenetv3_small_100',
  'timm_tf_mobilenetv3_small_minimal_100',
  'timm_mobilenetv4_conv_small',
  'timm_mobilenetv4_conv_small_050',
  'timm_mobilenetv4_hybrid_medium',
  'timm_mnasnet_small',
  'timm_semnasnet_100',
  'timm_fbnetc_100',
  'timm_spnasnet_100',
  'timm_tf_efficientnet_lite0',
  'timm_mobilenet_edgetpu_100',
  'transformers_mobilenet_v1',
  'transformers_mobilenet_v2',
  'keras_MobileNet',
  'keras_MobileNetV2',
  'keras_MobileNetV3Large_075',
  'keras_MobileNetV3SmallMinimalistic',
  'slim_mobilenet_v1',
  'slim_mobilenet_v2',
  'slim_mobilenet_v3_small',
]


def golden(name):
  return json.loads((GOLDEN / f'{name}.json').read_text())


def tensors_of(name):
  """The weights that a library had, by its names."""
  case, stored = BY_FILE[name], golden(name)
  torch = case.source not in ('keras', 'slim')
  return {
    key: formula.weight(key, tuple(shape), torch=torch, gain=case.gain)
    for key, shape in stored['tensors'].items()
  }


@pytest.mark.parametrize('name', RUN)
def test_logits(name):
  case, stored = BY_FILE[name], golden(name)
  with tempfile.TemporaryDirectory() as folder:
    path = write(Path(folder), case.source, tensors_of(name))
    found = load_pretrained(case.name, case.source, path, width=case.width)
  ours = logits(found, case.side)
  assert ours.shape == (2, case.classes)
  norms = np.linalg.norm(ours, axis=1)
  np.testing.assert_allclose(norms, stored['norms'], rtol=1e-4)
  kept = np.array(stored['logits'])
  far = np.abs(ours[:, : kept.shape[1]] - kept).max() / np.abs(kept).max()
  assert far < 1e-4


@pytest.mark.parametrize('name', BY_FILE)
def test_every_tensor_has_its_place(name):
  """Names and shapes alone, of every network whose parity was measured."""
  case, stored = BY_FILE[name], golden(name)
  library = get_source(case.source)
  variant = library.models[case.name]
  assert variant.name == case.ours
  spec = conventional(variant, case.width, case.classes)
  empty = np.float32(0)
  tensors = {k: np.broadcast_to(empty, s) for k, s in stored['tensors'].items()}
  needed = wanted(spec, variant.slots(spec), library.dialect)
  assert not faults(tensors, needed, library.ignored, {})


def test_torch_flattens_channels_first():
  """As AlexNet and VGG16 do, which are too large to run here."""
  spec = arch.from_string('x@12,sym conv_k3_c6_li_nonorm flat_o2 dense_c5_li')
  rows = wanted(spec, [('features.0', ''), ('classifier.1', '')], TORCH)
  tensors = {
    row.key: formula.weight(row.key, row.shapes[0], torch=True) for row in rows
  }
  variables = fit(tensors, rows, what='x')
  images = formula.images(2, 12)
  made = mnj.features(build(spec), variables, images, 'block_00')
  maps = np.asarray(made).transpose(0, 3, 1, 2)  # [N, C, H, W]
  pooled = maps.reshape(2, 6, 2, 6, 2, 6).mean((3, 5))
  kernel, bias = (
    tensors[f'classifier.1.{name}'] for name in ('weight', 'bias')
  )
  expected = pooled.reshape(2, -1) @ kernel.T + bias
  ours = build(spec).apply(variables, images)
  np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_every_library_is_compared():
  assert {case.source for case in CASES} == set(LIBRARIES)
  assert {path.stem for path in GOLDEN.glob('*.json')} == set(BY_FILE)
