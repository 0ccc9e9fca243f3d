"""A controller that is to land on several devices' targets at once."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.tensors import BlockPrices, price
from mobilenet_jax.search import controller, oneshot, rewards
from tests.search import toy

SIZES = [3, 3, 2]  # two kernels, and the width of both
PHONE = (
  BlockPrices(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), (0, 2)),
  BlockPrices(np.array([[1.0, 3.0], [2.0, 5.0], [4.0, 7.0]]), (1, 2)),
)
OTHER = (BlockPrices(np.array([1.0, 9.0]), (2,)),)  # minds widths alone
GAINS = jnp.asarray([[0, 0.2, 0.5], [0, 0.5, 0.3], [0, 1, 0]])


def searched(phones, targets, name='absolute', beta=-3.0):
  """The likeliest choices after 600 steps."""
  arrays = [PriceArrays.of(own, 3) for own in phones]
  reach = jnp.ones((1, 3, 3, 3), bool)

  def step(state, key):
    keys = jax.random.split(key, 8)
    drawn = jax.vmap(lambda k: controller.sample(state.logits, k))(keys)
    quality = 1 + GAINS[jnp.arange(3), drawn].sum(1)
    latencies = [phone.price(drawn) for phone in arrays]
    gains = rewards.over_devices(name, quality, latencies, targets, beta)
    return controller.update(state, drawn, gains, reach, 0.03), None

  keys = jax.random.split(jax.random.key(0), 600)
  start = controller.create(SIZES)
  state, _ = jax.jit(lambda s: jax.lax.scan(step, s, keys))(start)
  return np.argmax(state.logits, 1).tolist()


def test_a_second_device_changes_what_is_found_and_both_are_met():
  one = searched([PHONE], (7.0,))
  assert one[2] == 1  # wide is good, and free of the second device
  assert price(PHONE, one) == pytest.approx(7.0, rel=0.01)
  both = searched([PHONE, OTHER], (7.0, 1.0))
  assert price(PHONE, both) == pytest.approx(7.0, rel=0.01)
  assert price(OTHER, both) == 1.0
  assert both == [2, 2, 0]  # the best of those, by all 18 networks


def test_the_hard_reward_keeps_below_every_limit():
  found = searched([PHONE, OTHER], (9.5, 9.0), 'mnasnet_hard', -2.0)
  assert found == [1, 1, 1]  # 9 ms and 9 ms; [2, 1, 1] takes 11 ms


def test_a_step_scores_by_all_devices_and_names_them():
  tensors = tuple(
    dataclasses.replace(block, ms=block.ms**0.5) for block in toy.TENSORS
  )
  settings = dataclasses.replace(
    toy.SETTINGS, warm_up=0.0, samples=1, more_targets_ms=(0.2,)
  )
  step = toy.step_of(settings, more_prices=[tensors])
  state = oneshot.initial_state(toy.SPACE, toy.RULE, 0)
  _, metrics = step(state, toy.batches(1)[0])
  (other,) = metrics['latency_on']
  wanted = rewards.over_devices(
    'absolute', float(metrics['held_out_accuracy']),
    (float(metrics['latency_ms']), float(other)), (0.008, 0.2), -0.3,
  )  # fmt: skip
  assert float(metrics['reward']) == pytest.approx(wanted, rel=1e-5)
  written = oneshot.record(toy.SPACE, lambda v: 0.5, ['pixel9'])(metrics)
  assert written['latency_on'] == {'pixel9': pytest.approx(float(other))}
  assert other != metrics['latency_ms']
