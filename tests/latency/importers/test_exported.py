"""The operations of our own exports line up with the specs that they are of."""

import pytest

from mobilenet_jax.arch import from_string
from mobilenet_jax.latency.importers import import_table
from mobilenet_jax.latency.key import keys

litert = pytest.importorskip('ai_edge_litert.interpreter')
pytest.importorskip('tensorflow')

EVERY_KIND = (
  'kinds@32 conv_k3_s2_c8_hs ds_k3_c8_re ir_k3_s2_e2_c16_se0.5_hs '
  'ir_k3_e2_c16_se0.5_gs_sw fused_k3_e2_c16_re uib_a3_k3_e2_c16_re max_k3_s2 '
  'conv_k1_c32_re pool dense_c16_hs dense_c4_li'
)


def operations(spec):
  """Types of the operations of a spec's export, in order."""
  import jax
  import jax.numpy as jnp
  import numpy as np

  from mobilenet_jax.export.tflite import network_to_tflite
  from mobilenet_jax.models.builder import build

  image = jnp.zeros((1, spec.resolution, spec.resolution, 3))
  shapes = jax.eval_shape(
    lambda: build(spec).init(jax.random.key(0), image, train=False)
  )
  variables = jax.tree.map(lambda x: np.full(x.shape, 0.1, x.dtype), shapes)
  interpreter = litert.Interpreter(
    model_content=network_to_tflite(spec, variables),
    experimental_op_resolver_type=(
      litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    ),
  )
  interpreter.allocate_tensors()
  return [op['op_name'] for op in interpreter._get_ops_details()]


def test_every_kind_of_block_lines_up(tmp_path):
  spec = from_string(EVERY_KIND)
  found = operations(spec)
  times = [(i + 1) / 64 for i in range(len(found))]
  lines = [
    f'{name}, 0.5, {ms}, 1%, 2%, 0, 1, out:{ms}'
    for name, ms in zip(found, times, strict=True)
  ]
  path = tmp_path / 'profile.csv'
  path.write_text(
    'Operator-wise Profiling Info for Regular Benchmark Runs:\n'
    '===== Run Order =====\n'
    'node type, first, avg_ms, %, cdf%, mem KB, times called, name\n'
    + '\n'.join(lines)
    + f'\n\nNumber of nodes executed: {len(found)}\n'
  )
  table = import_table(
    path, 'benchmark_model', provenance={'device': 'T'}, arch=spec
  )
  assert table.missing(keys(spec)) == []
  assert table.price(spec) == pytest.approx(sum(times))
