"""The weights of a refinement: proposals trained a little, one settled on.

All of it runs by two compiled programs of the seed: a narrower network is the
seed with its dropped channels silent (`models.narrow`), so that no proposal is
compiled for.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.data.pipeline import eval_batches, train_batches
from mobilenet_jax.jobs.refine_log import RefineLog
from mobilenet_jax.jobs.searching import Data
from mobilenet_jax.jobs.trainer import EVAL_BATCH, network_of
from mobilenet_jax.models import narrow
from mobilenet_jax.search.netadapt import Proposal, Trial
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state

FOLDER = 'refining'  # of the run folder: weights of what was settled on


class Refining:
  """What `search.netadapt.refine` asks of weights and images.

  Attributes:
    seed: the network that all others are made of.
    log: of every proposal.
    weights: of what was settled on last, in the seed's shapes.
    masks: of its channels.
  """

  def __init__(
    self, seed: ArchSpec, variables: Any, config: Any, data: Data, folder: Path
  ):
    """Begins with the seed, or with what was settled on last.

    Raises:
      UserError: the log or the checkpoint is damaged.
    """
    self.seed, self.log = seed, RefineLog(folder)
    self.weights = jax.device_get(variables)
    self.masks = narrow.all_channels(seed)
    self._config, self._data, self._folder = config, data, folder / FOLDER
    part = config.refine
    network = network_of(seed, config.train)
    self._rule = optimizer(part.optimizer, part.steps)
    self._step = classification.train_step(
      network,
      self._rule,
      smoothing=config.train.label_smoothing,
      seed=config.seed,
    )
    self._predict = classification.predict_fn(network)
    self._held_out = self._judges()
    self._latest: tuple[Proposal, Any, Any] | None = None
    self._best: tuple[Proposal, Any, Any] | None = None
    done = len(self.log.settled())
    if done:
      self._restore(done)

  def judge(self, variables: Any) -> float:
    """Accuracy on the held-out images."""
    predict, batches = self._predict, self._held_out
    return classification.evaluate(predict, variables, batches)['accuracy']

  def tune(self, iteration: int, proposal: Proposal) -> float:
    """Held-out accuracy of a proposal; trained now, or taken from the log."""
    known = self.log.accuracy(iteration, proposal.group, proposal.after)
    self._latest = None
    if known is not None:
      return known
    variables, masks = self._tuned(iteration, proposal)
    self._latest = proposal, variables, masks
    return self.judge(variables)

  def seen(self, trial: Trial) -> None:
    """Logs a proposal, and keeps the weights of the best."""
    self.log.add(trial)
    if trial.leads:
      self._best = self._latest

  def settle(self, trial: Trial) -> None:
    """Goes on from a proposal: its weights are saved, then it is logged."""
    if self._best is None:  # it was trained before this start
      made = self._tuned(trial.iteration, trial.proposal)
    else:
      made = self._best[1:]
    self.weights, self.masks = jax.device_get(made[0]), made[1]
    with contextlib.closing(Checkpoints(self._folder, write=True)) as kept:
      kept.save(trial.iteration, self._state())
    self.log.settle(trial)
    self._best = self._latest = None

  def _tuned(self, iteration: int, proposal: Proposal) -> tuple[Any, Any]:
    """Variables and masks of a proposal after a little training.

    All proposals of an iteration see the same images, and different iterations
    different ones.
    """
    masks = narrow.narrowed(
      self.seed, self.weights, self.masks, proposal.spec,
      self._config.refine.keep,
    )  # fmt: skip
    variables = narrow.silenced(self.seed, self.weights, masks)
    start = (iteration - 1) * self._config.refine.steps
    state = create_state(variables, self._rule)
    state = dataclasses.replace(state, step=jnp.asarray(start, jnp.int32))
    with self._images(start) as batches:
      for batch in batches:
        state, _ = self._step(state, batch)
    if not bool(state.finite):
      raise JobError(
        f'Training {proposal.group} with {proposal.after} channels has '
        f'diverged in iteration {iteration}; try a lower '
        'refine.optimizer.learning_rate.'
      )
    return state.variables, masks

  @contextlib.contextmanager
  def _images(self, start: int) -> Iterator[Iterator[Any]]:
    config, spec = self._config, self.seed
    batches: Any = train_batches(
      self._data.train,
      batch=config.refine.batch,
      seed=config.seed,
      resolution=spec.resolution,
      augment=make_augmentation(config.data.augment),
      inputs=spec.inputs,
      start_step=start,
    )
    with contextlib.closing(batches):
      yield itertools.islice(batches, config.refine.steps)

  def _judges(self) -> list[Any]:
    """The held-out images that proposals are judged by."""
    source = self._data.held_out
    most = self._config.refine.held_out_images
    count = min(most or len(source), len(source))
    size = min(EVAL_BATCH, count)
    batches: Any = eval_batches(
      source,
      batch=size,
      resolution=self.seed.resolution,
      inputs=self.seed.inputs,
    )
    with contextlib.closing(batches):
      return list(itertools.islice(batches, max(count // size, 1)))

  def _state(self) -> dict[str, Any]:
    arrays = jax.tree.map(jnp.asarray, self.weights)
    masks = {name: jnp.asarray(mask) for name, mask in self.masks.items()}
    return {'variables': arrays, 'masks': masks}

  def _restore(self, iteration: int) -> None:
    with contextlib.closing(Checkpoints(self._folder)) as kept:
      state = jax.device_get(kept.restore(self._state(), iteration))
    self.weights = state['variables']
    self.masks = {k: np.asarray(mask) for k, mask in state['masks'].items()}
