"""A finished run's folder, written by hand."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mobilenet_jax.arch import ArchSpec, count, from_string, to_json, to_string
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.table import PROVENANCE, LatencyTable
from mobilenet_jax.latency.timing import Timing

PIXEL = base64.b64encode(b'\x89PNG no picture, but bytes').decode()
BODY = (
  'conv_k3_s2_c8_hs ir_k{kernel}_s2_e4_c16_se0.25_re ir_k5_e2_c16_hs '
  'conv_k1_c32_hs pool dense_c10_li'
)
CONFIG = {
  'job': 'search',
  'data': {'name': 'digit_scenes/32', 'dir': ''},
  'latency': {'table': '', 'target_ms': 0.0, 'tolerance': 0.03},
  'search': {'beta': -0.3, 'steps': 20, 'optimizer': {'learning_rate': 0.1}},
  'seed': 7,
  'space': 'v3_tiny',
}
TAGS = {'stage1/block1/kernel': 3, 'stage1/width': 2}


def network(name: str, kernel: int = 3) -> ArchSpec:
  """A little network."""
  return from_string(f'{name}@32 ' + BODY.format(kernel=kernel))


def table(specs: list[ArchSpec]) -> LatencyTable:
  """Every block of the networks, each at a price of its own."""
  wanted: list[BlockKey] = sorted({k for spec in specs for k in keys(spec)})
  rows = {
    key: Timing(round(0.01 + 0.001 * i, 6), std_ms=1e-4, n=100)
    for i, key in enumerate(wanted)
  }
  provenance = {name: f'some {name}' for name in PROVENANCE}
  provenance |= {'dtype': 'float32', 'chip': 'Chip 9', 'threads': 1}
  return LatencyTable(rows, provenance)


def contender(role: str, spec: ArchSpec, accuracy: float, price: float) -> dict:
  """A row of results.json."""
  counts = count(spec)
  return {
    'role': role,
    'name': spec.name,
    'arch': to_string(spec),
    'params': counts.params,
    'macs': counts.macs,
    'test': {'accuracy': accuracy, 'loss': 1 - accuracy},
    'priced_ms': price,
  }


def search_record(step: int) -> dict[str, Any]:
  """A line of metrics.jsonl; the controller starts at step 5."""
  nats = {3: 1.0986122, 2: 0.6931471}
  left = 1 - max(step - 5, 0) / 40
  record = {
    'step': step,
    'loss': 2.3 - 0.01 * step,
    'accuracy': 0.1,
    'likeliest_latency_ms': 0.07,
    'entropy': {tag: nats[n] * left for tag, n in TAGS.items()},
  }
  if step >= 5:
    record |= {'reward': 0.1, 'held_out_accuracy': 0.2, 'latency_ms': 0.08}
  return record


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
  """Writes JSON lines."""
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(''.join(json.dumps(r) + '\n' for r in records))


def edit(path: Path, change: Any) -> None:
  """Changes a JSON file in place."""
  value = json.loads(path.read_text())
  change(value)
  path.write_text(json.dumps(value))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
  """A finished search: found 90 %, known 80 %, random 70 and 60 %."""
  specs = [
    network('found'),
    network('known_w0.5', 5),
    network('random_0', 7),
    network('random_1', 5),
  ]
  roles = ('found', 'scaled', 'random', 'random')
  prices = table(specs)
  run = tmp_path / 'run'
  run.mkdir()
  prices.save(run / 'latency.csv')
  rows = [
    contender(role, spec, 0.9 - 0.1 * i, prices.price(spec))
    for i, (role, spec) in enumerate(zip(roles, specs, strict=True))
  ]
  price = rows[0]['priced_ms']
  deployed = {
    'bytes': 4096, 'images': 64, 'max_difference': 2e-6, 'same_answers': 1.0,
    'priced_ms': price, 'measured_ms': price * 1.1, 'std_ms': 1e-4,
    'ratio': 1.1, 'drift': 1.08, 'steady_ratio': 1.1 / 1.08,
  }  # fmt: skip
  samples = [
    {'image': PIXEL, 'label': 'four', 'answer': answer, 'probability': 0.75}
    for answer in ('four', 'nine')
  ]
  files = {
    'config': CONFIG,
    'env': {'seed': 7, 'commit': 'abc1234', 'chip': 'Chip 9', 'versions': {}},
    'arch': to_json(specs[0]),
    'deployed': deployed,
    'predictions': samples,
    'results': {
      'target_ms': price * 1.01, 'contenders': rows, 'deployed': deployed,
    },
    'timings': {'search': 12.5, 'train': 3600.0},
  }  # fmt: skip
  for name, value in files.items():
    (run / f'{name}.json').write_text(json.dumps(value))
  write_lines(run / 'metrics.jsonl', [search_record(s) for s in range(1, 21)])
  curve = [{'step': s, 'loss': 1 / s, 'accuracy': 0.5} for s in range(1, 9)]
  for spec in specs:
    write_lines(run / 'contenders' / spec.name / 'metrics.jsonl', curve)
  return run
