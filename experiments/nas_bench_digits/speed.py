"""How fast candidates train in one program: one after another, side by side.

    python experiments/nas_bench_digits/speed.py [--at-once 1 4 8] [--whole]

Times steps of the benchmark's space on random images, batches of 32; with
`--whole` also calls of `jobs.many.Trainer` on digit_scenes/32, with all that
is done beside the steps. Prints milliseconds a network and step, of a clock
and of all cores together; leave the machine alone.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from run import arguments, config_of
from space import benchmark_space
from trainings import planned

from mobilenet_jax.core.cache import use_compilation_cache
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs.many import Trainer
from mobilenet_jax.jobs.splits import open_split
from mobilenet_jax.supernet import many
from mobilenet_jax.tasks.classification import cross_entropy
from mobilenet_jax.train.optimizers import optimizer

BATCH, NETWORKS, ROUNDS, WHOLE_STEPS = 32, 8, 5, 100


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--how', nargs='+', default=['map', 'vmap'])
  parser.add_argument('--at-once', type=int, nargs='+', default=[1, 4, 8])
  parser.add_argument('--whole', action='store_true')
  args = parser.parse_args()
  use_compilation_cache()
  config = config_of(arguments([]))
  vectors = [v for v, _ in planned(benchmark_space(), [0])[:NETWORKS]]
  for how in args.how:
    for size in args.at_once:
      kinds = {'steps': steps, 'whole': whole}
      for name in ('steps', 'whole')[: 1 + args.whole]:
        run, count = kinds[name](config, vectors, how, size)
        ms, cpu_ms = (1000 * s / count / NETWORKS for s in timed(run))
        print(
          f'{name} {how} {size}: {ms:.2f} ms, {cpu_ms:.2f} ms of cores',
          flush=True,
        )


def timed(run: Callable[[], Any]) -> list[float]:
  """Seconds and core seconds, medians of the rounds; the first compiles."""
  found = []
  for _ in range(ROUNDS + 1):
    start, used = time.perf_counter(), time.process_time()
    run()
    found.append((time.perf_counter() - start, time.process_time() - used))
  return [statistics.median(part) for part in zip(*found[1:], strict=True)]


def steps(
  config: Any, vectors: list[Any], how: many.How, size: int
) -> tuple[Callable[[], Any], int]:
  """Ten steps of all networks, `size` at once."""
  space, rule = benchmark_space(), optimizer(config.train.optimizer, 800)
  loss = functools.partial(cross_entropy, smoothing=0.0)
  step = many.train_step(space, rule, loss=loss, how=how)
  rng = np.random.default_rng(0)
  batch = {
    'image': jnp.asarray(rng.normal(size=(BATCH, 32, 32, 3)), jnp.float32),
    'label': jnp.asarray(rng.integers(10, size=BATCH)),
  }
  groups = [
    jnp.asarray(vectors[i : i + size]) for i in range(0, NETWORKS, size)
  ]
  states = [many.initial_states(space, rule)(np.arange(size)) for _ in groups]

  def run() -> None:
    for i, group in enumerate(groups):
      for _ in range(10):
        states[i], losses = step(states[i], group, batch)
      jax.block_until_ready(losses)

  return run, 10


def whole(
  config: Any, vectors: list[Any], how: many.How, size: int
) -> tuple[Callable[[], Any], int]:
  """A whole training of all networks, `size` at once, with its data."""
  config.train.steps = WHOLE_STEPS
  trainer = Trainer(
    benchmark_space(),
    config.train,
    open_split(config.data, 'train'),
    {},
    size=size,
    augment=make_augmentation(config.data.augment),
    how=how,
  )

  def run() -> None:
    for i in range(0, NETWORKS, size):
      trainer(vectors[i : i + size], 0)

  return run, WHOLE_STEPS


if __name__ == '__main__':
  main()
