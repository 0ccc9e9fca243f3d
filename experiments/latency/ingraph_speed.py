"""How many networks a second are priced inside a compiled function.

    .venv/bin/python experiments/latency/ingraph_speed.py     # 20 s

Prices a million random choice vectors of every space with made-up times (the
speed does not depend on them); writes ingraph_speed.json beside this file.
"""

import json
import os
import time
from pathlib import Path

import jax
import numpy as np

from mobilenet_jax.arch import decisions, variants
from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.tensors import BlockPrices, price
from mobilenet_jax.measure.host import chip
from mobilenet_jax.space import get_space, list_spaces

NETWORKS = 1_000_000
ROUNDS = 7


def made_up(spec, rng: np.random.Generator) -> list[BlockPrices]:
  """Prices of a space's shape; a dropped block is one more axis."""
  sizes = decisions(spec)
  position = {tag: i for i, tag in enumerate(sizes)}
  made = []
  for row in variants(spec):
    tags = dict.fromkeys((*row.tags, *(one.tag for one in row.conditions)))
    shape = tuple(sizes[tag] for tag in tags)
    axes = tuple(position[tag] for tag in tags)
    made.append(BlockPrices(rng.random(shape), axes))
  return made


def main() -> None:
  rows = {}
  for name in list_spaces():
    space, rng = get_space(name, None, 1000), np.random.default_rng(0)
    tensors = made_up(space.spec, rng)
    arrays = PriceArrays.of(tensors, len(space.tags))
    sizes = list(space.decisions.values())
    vectors = np.stack([rng.integers(n, size=NETWORKS) for n in sizes], 1)
    on_device = jax.device_put(vectors.astype(np.int32))
    compiled = jax.jit(arrays.price)
    found = np.asarray(compiled(on_device))
    for i in range(0, NETWORKS, NETWORKS // 100):
      assert abs(found[i] / price(tensors, vectors[i]) - 1) < 1e-6
    took = []
    for _ in range(ROUNDS):
      start = time.perf_counter()
      jax.block_until_ready(compiled(on_device))
      took.append(time.perf_counter() - start)
    rows[name] = round(NETWORKS / float(np.median(took)))
    print(f'{name}: {rows[name] / 1e6:.2f} million networks a second')
  about = {'chip': chip(), 'cores': os.cpu_count(), 'jax': jax.__version__}
  path = Path(__file__).parent / 'ingraph_speed.json'
  path.write_text(json.dumps({**about, 'a second': rows}, indent=2) + '\n')


if __name__ == '__main__':
  main()
