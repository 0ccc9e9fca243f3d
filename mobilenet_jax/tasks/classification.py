"""Image classification: loss, metrics and the training step of a network."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from mobilenet_jax.arch import block_name
from mobilenet_jax.core import processes
from mobilenet_jax.models.builder import Network, image_shape
from mobilenet_jax.tasks.distillation import Teacher, logits_of
from mobilenet_jax.tasks.metrics import Tally
from mobilenet_jax.train.accumulate import accumulated
from mobilenet_jax.train.mesh import Layout
from mobilenet_jax.train.packed import global_norm
from mobilenet_jax.train.state import (
  TrainState,
  init_quickly,
  seed_key,
  take_step,
)

DROPOUT, DROP_PATH = 1, 2  # random streams of a run's seed


def init_variables(network: Network, seed: int) -> Any:
  """Initial variables of a network."""
  spec = network.spec
  shape = image_shape(spec)
  return init_quickly(network.init, seed, jnp.zeros(shape))


def cross_entropy(
  logits: Array,
  labels: Array,
  smoothing: float,
  class_weights: ArrayLike | None = None,
) -> Array:
  """Mean cross entropy of [N, classes] logits with smoothed labels.

  Labels are integers [N], or [N, classes] shares of classes that sum to 1, as
  mixup and cutmix make them. With [classes] weights the loss of an image is
  multiplied by that of its class (of its shares of classes), and the mean is
  still one over N, so that parts of a batch add up to the whole.
  """
  soft = labels.ndim == 2
  targets = labels if soft else jax.nn.one_hot(labels, logits.shape[-1])
  smooth = optax.smooth_labels(targets, smoothing)
  losses = optax.softmax_cross_entropy(logits, smooth)
  if class_weights is not None:
    losses *= targets @ jnp.asarray(class_weights, losses.dtype)
  return losses.mean()


def accuracy(logits: Array, labels: Array) -> Array:
  """Share of right answers; of [N, classes] labels the largest is right."""
  right = jnp.argmax(labels, -1) if labels.ndim == 2 else labels
  return jnp.mean(jnp.argmax(logits, -1) == right)


def loss_fn(
  network: Network,
  params: Any,
  model_state: Any,
  batch: Any,
  *,
  smoothing: float,
  keys: Mapping[str, Array],
  teacher: Teacher | None = None,
  class_weights: ArrayLike | None = None,
) -> tuple[Array, tuple[Array, Any]]:
  """Loss of a training batch, and with it (accuracy, new model state)."""
  spec = network.spec
  out, updated = network.apply(
    {'params': _learning(network, params), **model_state},
    batch['image'],
    train=True,
    taps=teacher.student_taps(spec) if teacher else (),
    mutable=list(model_state),
    rngs=dict(keys),
  )
  logits = logits_of(out, spec)
  loss = cross_entropy(logits, batch['label'], smoothing, class_weights)
  if teacher:
    loss = teacher.loss(loss, spec, params, out, batch['image'])
  return loss, (accuracy(logits, batch['label']), updated)


def _learning(network: Network, params: Any) -> Any:
  """The parameters, those of frozen blocks without a gradient."""
  frozen = {block_name(i) for i in range(network.frozen)}
  return {
    name: jax.lax.stop_gradient(block) if name in frozen else block
    for name, block in params.items()
  }


def step_keys(seed: int, step: Array | int) -> dict[str, Array]:
  """The random keys of a training step, by rng stream of the network."""
  streams = {'dropout': DROPOUT, 'drop_path': DROP_PATH}
  return {name: seed_key(seed, step, i) for name, i in streams.items()}


def train_step(
  network: Network,
  optimizer: optax.GradientTransformation,
  *,
  smoothing: float,
  seed: int,
  accumulate: int = 1,
  ema: float = 0.0,
  layout: Layout | None = None,
  class_weights: ArrayLike | None = None,
) -> Callable[..., tuple[TrainState, dict[str, Array]]]:
  """Returns the compiled step (state, batch, teacher=None) -> (state,
  metrics); the teacher is a `tasks.distillation.Teacher`.

  A step whose loss or gradient is not finite leaves the weights as they were,
  and so do all after it; see `train.state.TrainState`.

  Args:
    network: whose weights are trained.
    optimizer: of `train.optimizers`.
    smoothing: of the labels.
    seed: of dropout and stochastic depth.
    accumulate: micro-batches that a batch is taken in, see
      `train.accumulate`.
    ema: decay of the moving averages; read where the state has them.
    layout: of state and batch over many devices; None is one.
    class_weights: [classes], see `cross_entropy`.
  """
  gradient = jax.value_and_grad(
    lambda params, model_state, batch, keys, teacher: loss_fn(
      network, params, model_state, batch, smoothing=smoothing, keys=keys,
      teacher=teacher, class_weights=class_weights,
    ),
    has_aux=True,
  )  # fmt: skip
  parts = functools.partial(accumulated, gradient, accumulate)
  whole = parts if layout is None else layout.gradient(parts)

  def step(state: TrainState, batch: Any, teacher: Teacher | None = None):
    (loss, (right, model_state)), grads = whole(
      state.params, state.model_state, batch, step_keys(seed, state.step),
      teacher,
    )  # fmt: skip
    norm = global_norm(grads)
    metrics = {'loss': loss, 'accuracy': right, 'grad_norm': norm}
    after = take_step(
      state, optimizer, grads, model_state,
      ema_decay=ema, watched=(loss, norm),
    )  # fmt: skip
    return (after, metrics) if layout is None else layout.keep(after, metrics)

  return jax.jit(step, donate_argnums=0)


def predict_fn(network: Network) -> Callable[[Any, ArrayLike], Array]:
  """Returns compiled (variables, [N, H, W, C] images) -> [N, K] logits."""
  return jax.jit(lambda variables, images: network.apply(variables, images))


def evaluate(
  predict: Callable[[Any, Array], Array], variables: Any, batches: Iterable[Any]
) -> dict[str, float]:
  """Means over all batches, padding left out; of many processes each brings
  its own batches, and all get the same.

  Returns:
    'accuracy', 'loss', and of more than 5 classes 'top5'.
  """
  tally = None
  for batch in batches:
    logits = np.asarray(predict(variables, batch['image']))
    if tally is None:
      tally = Tally(logits.shape[-1])
    tally.add(logits, batch['label'], batch['weight'])
  if processes.count() > 1:
    tally = Tally.joined(processes.share(tally and tally.counts()))
  if tally is None:
    raise ValueError('nothing to evaluate on: there are no batches')
  found = tally.summary()
  return {k: found[k] for k in ('accuracy', 'loss', 'top5') if k in found}
