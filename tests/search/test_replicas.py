"""One device or many: who draws what, and what they have in common."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from mobilenet_jax.search import oneshot
from tests.search.toy import RULE, SPACE, batches, step_of

FOUR = '--xla_force_host_platform_device_count=4'

# what steps 1, 5 and 10 gave before there were replicas; the logits since the
# controller's rate starts with it
KNOWN = {
  1: {'loss': 2.3050032, 'accuracy': 0.125, 'latency_ms': 0.0},
  5: {'loss': 2.3067386, 'held_out_accuracy': 0.09375, 'latency_ms': 0.011426},
  10: {
    'loss': 2.3066845, 'held_out_accuracy': 0.1875, 'latency_ms': 0.0105084,
    'reward': 0.093435,
  },
}  # fmt: skip
LOGITS = (
  0.16073692, 0.13398826, 0.06336087, 0.04212988, 0.04212988, 0.09961067,
)  # fmt: skip


def test_one_device_searches_as_it_always_did():
  step, state = step_of(), oneshot.initial_state(SPACE, RULE, 0)
  for i, batch in enumerate(batches(10), 1):
    state, metrics = step(state, batch)
    for name, value in KNOWN.get(i, {}).items():
      assert float(metrics[name]) == pytest.approx(value, rel=1e-4), (i, name)
  np.testing.assert_allclose(
    state.controller.logits[:, 0], LOGITS, rtol=1e-3, atol=1e-4
  )


def test_every_device_searches_with_networks_of_its_own(request):
  done = subprocess.run(
    [sys.executable, '-m', 'tests.search.on_devices'],
    cwd=request.config.rootpath, capture_output=True, text=True,
    env={**os.environ, 'XLA_FLAGS': FOUR},
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  found = json.loads(done.stdout)
  assert found['devices'] == 4
  assert max(found['networks']) == 4 and min(found['networks']) > 1
  assert found['copies'] and found['soft_copies']
  assert found['weights'] < 1e-4 < 1e-2 < found['moved']
  assert found['logits'] < 1e-4 and found['baseline'] < 1e-4
  assert found['logit'] > 0.01 and found['soft_logit'] > 0.01
  assert found['refused'] == (
    '--config.search.held_out_batch is 18; it must divide evenly among 4 '
    'devices: make it a multiple of 4.'
  )
