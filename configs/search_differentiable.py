"""A differentiable search on this computer, on real handwritten digits.

The quickstart's task: a MobileNetV3-like space at 32 px is searched for a
network of a given latency on one thread of this computer, the found network is
trained beside MobileNetV3-Small and random networks of the same latency,
exported, and measured again. The search is FBNet's (arXiv 1812.03443):
Gumbel-softmax over every decision, shared weights trained on training images
and the odds of the choices on held-out ones, in turns.

What differs from the paper: minutes instead of days; weights and odds take
turns step by step; the expected latency is exact (ProxylessNAS, arXiv
1812.00332) and its distance from the target is minimized
(`search.penalty='absolute'`), so that one search lands there, as TuNAS's do.
`'add'` with a weight of 0.1 and `'multiply'` with 0.2 and an exponent of 0.3
are ProxylessNAS's; with them the weight, not the target, says where a search
ends. The odds' learning rate is larger, for there are fewer steps.

    mobilenet-jax search --config=configs/search_differentiable.py \
      --workdir=runs/differentiable

Every step takes all choices at once, so it costs what the largest network of
the space does, twice; hence half of the quickstart's steps. Seen of the search
alone, on a toy table: 250 steps took 114 s of CPU time, compiling included, and
the expected latency was within 2 % of the target from 35 steps after the
warm-up on. How good its networks are is not measured yet.

Variant: `configs/search_differentiable.py:runlocal` takes a few steps of
everything on a tiny space; its accuracies mean nothing.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen, digits_search_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = digits_search_config(local=bool(local))
  config.search.algorithm = 'differentiable'
  config.search.penalty = 'absolute'
  config.search.penalty_weight = 1.0  # 10 % off the target: 0.1 nats
  config.search.penalty_exponent = 0.3  # of 'multiply'
  config.search.learning_rate = 0.02  # of the odds
  config.search.warm_up = 0.25
  config.search.temperature_first = 5.0
  config.search.temperature_last = 0.1
  if not local:
    config.search.steps = 400
  return config
