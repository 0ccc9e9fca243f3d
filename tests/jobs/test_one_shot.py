"""Which networks a search chooses from when its steps are over."""

from types import SimpleNamespace

import numpy as np
import pytest

from mobilenet_jax.core.errors import JobError
from mobilenet_jax.jobs import one_shot
from mobilenet_jax.latency.tensors import price, price_tensors, space_keys
from mobilenet_jax.search import select
from mobilenet_jax.space import get_space
from tests.latency.toy import toy_table


def job(target_ms):
  """All of a job that is looked at: what a search must come near to."""
  space = get_space('v3_tiny', 32, 10)
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  cost = lambda vector: price(tensors, vector)
  pricing = SimpleNamespace(
    of_window=cost, target_ms=target_ms or cost(space.largest()), more=()
  )
  config = SimpleNamespace(
    seed=0,
    latency=SimpleNamespace(tolerance=0.05),
    search=SimpleNamespace(candidates=3),
  )
  return SimpleNamespace(space=space, pricing=pricing, config=config)


def logits(space):
  sizes = np.array(list(space.decisions.values()))
  return np.where(np.arange(sizes.max()) < sizes[:, None], 0.0, -np.inf)


def test_a_search_that_missed_its_target_chooses_among_random_networks(
  monkeypatch, capsys
):
  """The trained weights are not lost for it."""
  asked = job(0.0)
  usual = one_shot._candidates(asked, logits(asked.space))
  assert (
    len({asked.space.decode(vector) for vector in usual}) == len(usual) == 3
  )
  astray = logits(asked.space)
  astray[:, 0] = 1000.0  # of the smallest: it draws nothing else
  monkeypatch.setattr(select, 'MOST_TRIES', 1)
  monkeypatch.setattr(select, 'MOST_DRAWS', 2000)
  found = one_shot._candidates(asked, astray)
  window = (asked.pricing.of_window, asked.pricing.target_ms, 0.05)
  assert found == select.random_within(asked.space, *window, 3, 0)
  assert 'has not come near its target' in capsys.readouterr().err
  with pytest.raises(JobError, match=r'No network was found that costs 99 ms'):
    one_shot._candidates(job(99.0), astray)
