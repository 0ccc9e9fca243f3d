"""An optimizer that does not treat all blocks of a network alike."""

from collections.abc import Mapping
from typing import Any

import jax
import optax

TRAINED, FROZEN = 'trained', 'frozen'


def by_block(
  rule: optax.GradientTransformation, rates: Mapping[str, float]
) -> optax.GradientTransformation:
  """Multiplies the learning rate of each block; of a rate of 0 it is frozen.

  Frozen weights stay bit for bit, whatever the rule decays, and the optimizer
  keeps nothing for them.

  Args:
    rule: whose updates are linear in the learning rate, as those of all
      `train.optimizers` are.
    rates: by the name that a block has at the top of the parameters; 1 where
      there is none.
  """

  def rate_of(path: Any) -> float:
    return rates.get(path[0].key, 1.0)

  def scaled(updates: Any, params: Any) -> Any:
    del params
    return jax.tree_util.tree_map_with_path(
      lambda path, update: update * rate_of(path), updates
    )

  def kinds(params: Any) -> Any:
    return jax.tree_util.tree_map_with_path(
      lambda path, leaf: TRAINED if rate_of(path) else FROZEN, params
    )

  if any(rate not in (0, 1) for rate in rates.values()):
    rule = optax.chain(rule, optax.stateless(scaled))
  if all(rates.values()):
    return rule
  return optax.partition({TRAINED: rule, FROZEN: optax.set_to_zero()}, kinds)
