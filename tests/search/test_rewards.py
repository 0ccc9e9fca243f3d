"""Rewards have the papers' numbers, in every kind of array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search import rewards


def test_doubled_latency_is_worth_5_percent_softly():
  """MnasNet, section 3.2: R(a, LAT) is about R(1.05 a, 2 LAT)."""
  slow = rewards.mnasnet_soft(1.05 * 0.7, 160.0, 80.0, -0.07)
  fast = rewards.mnasnet_soft(0.7, 80.0, 80.0, -0.07)
  assert fast == 0.7
  assert slow == pytest.approx(fast, rel=1e-3)
  small = rewards.mnasnet_soft(0.7, 160.0, 80.0, -0.15)  # MobileNetV3-Small
  assert small == pytest.approx(0.7 * 0.9013, rel=1e-4)


def test_the_hard_reward_minds_the_limit_alone():
  """MnasNet, figure 3: alpha 0, beta -1."""
  for ms in (1.0, 79.9, 80.0):
    assert rewards.mnasnet_hard(0.7, ms, 80.0, -1.0) == 0.7
  assert rewards.mnasnet_hard(0.7, 160.0, 80.0, -1.0) == pytest.approx(0.35)
  assert rewards.mnasnet_hard(0.7, 120.0, 80.0, -1.0) == pytest.approx(
    0.7 / 1.5
  )


def test_the_absolute_reward_is_tunas_s():
  assert rewards.absolute(0.75, 84.0, 84.0, -0.1) == 0.75
  assert rewards.absolute(0.75, 126.0, 84.0, -0.1) == pytest.approx(0.7)
  assert rewards.absolute(0.75, 42.0, 84.0, -0.1) == pytest.approx(0.7)


@pytest.mark.parametrize('name', rewards.REWARDS)
def test_floats_numpy_and_jax_agree(name):
  quality, ms = np.float32([0.3, 0.5, 0.9]), np.float32([40.0, 80.0, 200.0])
  reward = rewards.find_reward(name)
  found = reward(quality, ms, 80.0, -0.2)
  compiled = jax.jit(reward, static_argnums=(2, 3))
  traced = compiled(jnp.asarray(quality), jnp.asarray(ms), 80.0, -0.2)
  assert isinstance(found, np.ndarray)
  np.testing.assert_allclose(traced, found, rtol=1e-6)
  one = [
    reward(float(q), float(m), 80.0, -0.2)
    for q, m in zip(quality, ms, strict=True)
  ]
  assert all(type(value) is float for value in one)
  np.testing.assert_allclose(one, found, rtol=1e-6)


def test_devices_add_terms_or_multiply_factors():
  ms, targets = (120.0, 30.0), (80.0, 60.0)
  absolute = rewards.over_devices('absolute', 0.9, ms, targets, -0.1)
  assert absolute == pytest.approx(0.9 - 0.05 - 0.05)
  soft = rewards.over_devices('mnasnet_soft', 0.9, ms, targets, -0.07)
  assert soft == pytest.approx(0.9 * 1.5**-0.07 * 0.5**-0.07)
  hard = rewards.over_devices('mnasnet_hard', 0.9, ms, targets, -1.0)
  assert hard == pytest.approx(0.9 / 1.5)  # the second keeps its limit


def test_an_unknown_reward_is_named_with_the_nearest():
  with pytest.raises(
    UserError,
    match=r"Unknown search\.reward 'mnasnet'\. Did you mean 'mnasnet_",
  ):
    rewards.find_reward('mnasnet')
