"""Times whole networks on this computer, each beside what a table says."""

import concurrent.futures
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobilenet_jax.arch import ArchSpec, from_string, to_string
from mobilenet_jax.core.progress import progress
from mobilenet_jax.measure.blocks import block_model
from mobilenet_jax.measure.host import Host
from mobilenet_jax.measure.speed import REFERENCE
from mobilenet_jax.space import get_space

# those of the zoo that are meant for phones
MOBILE = (
  'mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3_large', 'mobilenet_v3_small',
  'mobilenet_v3_large_minimalistic', 'mobilenet_v3_small_minimalistic',
  'mobilenet_edgetpu', 'mobilenet_v4_conv_small', 'mobilenet_v4_conv_medium',
  'mnasnet_a1', 'mnasnet_b1', 'mnasnet_small', 'proxylessnas_mobile',
  'fbnet_c', 'spnasnet', 'efficientnet_b0', 'efficientnet_lite0',
  'squeezenet_1_1', 'shufflenet_v2',
)  # fmt: skip


@dataclass(frozen=True)
class Whole:
  """A network that was timed whole.

  Attributes:
    name, spec: of the network.
    ms: its time at the speed of the table.
    drift: how much slower than then the computer was meanwhile.
    reference_ms: of the table.
  """

  name: str
  spec: str
  ms: float
  drift: float
  reference_ms: float

  def at_speed(self, reference_ms: float) -> 'Whole':
    """The same for a table at another speed."""
    ratio = reference_ms / self.reference_ms
    return Whole(
      self.name, self.spec, self.ms * ratio, self.drift / ratio, reference_ms
    )


def random_networks(
  space: str, count: int, seed: int, name: str
) -> list[ArchSpec]:
  """Networks of a space, every decision uniform."""
  found, rng = get_space(space, None, 1000), np.random.default_rng(seed)
  return [
    found.decode(found.sample(rng), f'{name}_{i:03d}') for i in range(count)
  ]


def time_networks(
  specs: Sequence[ArchSpec], host: Host, reference_ms: float, log: Path
) -> list[Whole]:
  """Converts and times networks; what `log` knows is not timed again."""
  known = dict(_read(log))
  todo = [spec for spec in specs if to_string(spec) not in known]
  speed = host.speed(block_model(REFERENCE), reference_ms)
  with (
    progress('timing whole networks', len(todo)) as bar,
    log.open('a') as file,
  ):
    for spec, model in zip(todo, models(todo, host.dtype), strict=True):
      raw, steady = host.time_beside(model, speed)
      made = Whole(
        spec.name,
        to_string(spec),
        steady.ms,
        round(raw.ms / steady.ms, 4),
        reference_ms,
      )
      known[made.spec] = made
      file.write(json.dumps(vars(made)) + '\n')
      file.flush()
      bar.advance(1, f'{spec.name}: {steady.ms:.2f} ms')
  return [known[to_string(spec)].at_speed(reference_ms) for spec in specs]


def _read(log: Path) -> Iterator[tuple[str, Whole]]:
  if log.exists():
    for line in log.read_text().splitlines():
      made = Whole(**json.loads(line))
      yield made.spec, made


def models(specs: Sequence[ArchSpec], dtype: str) -> Iterator[bytes]:
  """Their TFLite models, converted a few at a time before they are timed."""
  context = multiprocessing.get_context('spawn')
  workers = os.cpu_count() or 1
  with concurrent.futures.ProcessPoolExecutor(workers, context) as pool:
    # in groups, so that nothing is converted while something is timed
    for start in range(0, len(specs), 10):
      group = [to_string(spec) for spec in specs[start : start + 10]]
      yield from list(pool.map(convert, group, [dtype] * len(group)))


def convert(spec: str, dtype: str) -> bytes:
  """The TFLite model of a network with random weights."""
  os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
  import jax
  import jax.numpy as jnp

  from mobilenet_jax.export.tflite import network_to_tflite
  from mobilenet_jax.models.builder import build, image_shape

  network = from_string(spec)
  abstract = jax.eval_shape(
    lambda: build(network).init(
      jax.random.key(0), jnp.zeros(image_shape(network))
    )
  )
  rng = np.random.default_rng(0)
  variables = jax.tree.map(lambda leaf: _random(leaf.shape, rng), abstract)
  sample = rng.normal(size=image_shape(network)).astype(np.float32)
  return network_to_tflite(network, variables, dtype, [sample])


def _random(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
  """Weights under which activations stay finite: the quantizer of TensorFlow
  2.21 dies of others."""
  if len(shape) > 1:
    fan_in = np.prod(shape[:-1])
    return rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
  return rng.uniform(0.5, 1.0, shape).astype(np.float32)
