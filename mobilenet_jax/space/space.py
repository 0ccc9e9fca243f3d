"""A search space: an open spec, and the codec between choices and networks."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from mobilenet_jax.arch import (
  ArchSpec,
  OneOf,
  choice_tables,
  decisions,
  macs_of,
  pick,
  resolve,
  variants,
)
from mobilenet_jax.core.elimination import Factor, extreme
from mobilenet_jax.space import encoding
from mobilenet_jax.space.identity import Identity


@dataclasses.dataclass(frozen=True)
class SearchSpace:
  """The networks that an open spec can become.

  A choice vector holds one small int a decision, in the order of `tags`.

  Attributes:
    spec: an open one, see `arch.oneof`; checked when made.
  """

  spec: ArchSpec

  def __post_init__(self):
    variants(self.spec)

  @functools.cached_property
  def decisions(self) -> dict[str, int]:
    """Number of choices by tag, in order."""
    return decisions(self.spec)

  @property
  def tags(self) -> tuple[str, ...]:
    """The decisions, in order."""
    return tuple(self.decisions)

  @property
  def size(self) -> int:
    """The number of choice vectors."""
    return math.prod(self.decisions.values())

  @property
  def resolutions(self) -> tuple[int, ...]:
    """Sides of the input in pixels that networks may have."""
    side = self.spec.resolution
    return side.choices if isinstance(side, OneOf) else (side,)

  @property
  def resolution(self) -> int:
    """Side in pixels of the largest images."""
    return max(self.resolutions)

  def resolution_of(self, vector: Sequence[int]) -> int:
    """Side in pixels of the images of a choice vector's network."""
    return pick(self.spec.resolution, self.choice(vector))

  def choice(self, vector: Sequence[int]) -> dict[str, int]:
    """A choice vector as index by tag."""
    return {t: int(v) for t, v in zip(self.decisions, vector, strict=True)}

  def vector(self, choice: Mapping[str, int]) -> tuple[int, ...]:
    """Index by tag as a choice vector."""
    return tuple(choice[tag] for tag in self.decisions)

  def decode(self, vector: Sequence[int], name: str | None = None) -> ArchSpec:
    """The network of a choice vector."""
    return resolve(self.spec, self.choice(vector), name)

  def encode(self, spec: ArchSpec) -> tuple[int, ...]:
    """The choice vector of a network: `decode` turned round.

    Raises:
      UserError: it is no network of the space.
    """
    return self.vector(encoding.encode(self.spec, spec))

  def canonical(self, vector: Sequence[int]) -> tuple[int, ...]:
    """The one choice vector that stands for all that make the same network.

    Decisions that cannot be reached are at 0; where optional blocks may stand
    for each other, the first of them are kept. Asked of a network again, by
    whichever vector, it costs microseconds.
    """
    network = self._identity.of(self.choice(vector))
    found = self._canonical.get(network)
    if found is None:
      found = self._canonical[network] = self.encode(self.decode(vector))
    return found

  @functools.cached_property
  def _identity(self) -> Identity:
    return Identity(self.spec)

  @functools.cached_property
  def _canonical(self) -> dict[tuple[int, ...], tuple[int, ...]]:
    return {}

  def smallest(self, prices: Sequence[Factor] | None = None) -> tuple[int, ...]:
    """The choice vector of the network of the fewest multiply-adds.

    Args:
      prices: what counts instead: arrays to be summed, each with the positions
        in the vector that it is indexed by, such as
        [(block.axes, block.ms) for block in price_tensors(...)].
    """
    return self._extreme(prices, largest=False)

  def largest(self, prices: Sequence[Factor] | None = None) -> tuple[int, ...]:
    """As `smallest`, of the most multiply-adds; of equal ones the first."""
    return self._extreme(prices, largest=True)

  def _extreme(
    self, prices: Sequence[Factor] | None, *, largest: bool
  ) -> tuple[int, ...]:
    factors = self._macs if prices is None else prices
    _, choice = extreme(factors, largest=largest)
    vector = [choice.get(d, 0) for d in range(len(self.tags))]
    return self.canonical(vector)

  @functools.cached_property
  def _macs(self) -> Sequence[Factor]:
    return choice_tables(self.spec, macs_of)

  def sample(self, rng: np.random.Generator) -> tuple[int, ...]:
    """A choice vector, every decision uniform and independent."""
    return tuple(int(rng.integers(n)) for n in self.decisions.values())

  def mutate(
    self, vector: Sequence[int], rng: np.random.Generator, probability: float
  ) -> tuple[int, ...]:
    """A choice vector with some decisions drawn anew; at least one differs.

    Args:
      probability: of each decision to be changed to another choice.
    """
    sizes = list(self.decisions.values())
    movable = [d for d, n in enumerate(sizes) if n > 1]
    changed = [d for d in movable if rng.random() < probability]
    made = list(vector)
    for d in changed or [movable[int(rng.integers(len(movable)))]]:
      made[d] = (made[d] + 1 + int(rng.integers(sizes[d] - 1))) % sizes[d]
    return tuple(made)

  def cross(
    self, a: Sequence[int], b: Sequence[int], rng: np.random.Generator
  ) -> tuple[int, ...]:
    """A choice vector with every decision from one of two, evenly."""
    mask = rng.random(len(self.tags)) < 0.5
    return tuple(int(x if m else y) for m, x, y in zip(mask, a, b, strict=True))
