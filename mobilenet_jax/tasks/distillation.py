"""A network that teaches another one while that is trained.

The teacher sees the student's batch, augmented as it is, in its own numbers
and its own size; it is never trained. Soft labels: arXiv 1503.02531; features:
arXiv 1412.6550. The formulas are in `train.distilling`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array

from mobilenet_jax.arch import ArchSpec, shapes
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.builder import Network
from mobilenet_jax.tasks.features import find_endpoint
from mobilenet_jax.train.distilling import (
  create_projection,
  feature_loss,
  project,
  soft_label_loss,
)
from mobilenet_jax.train.state import seed_key

PROJECTION = 'distill'  # among the params; blocks are named otherwise
PROJECTION_KEY = 3  # random stream of a run's seed


@struct.dataclass
class Teacher:
  """A teacher and what is learnt from it; an argument of a compiled step.

  The loss becomes (1 - soft) loss + soft (soft labels' loss) + features
  (features' loss).

  Attributes:
    variables: of the network.
    network: run as in evaluation.
    soft: share of the soft labels' loss, 0 to 1.
    temperature: of the soft labels.
    features: weight of the features' loss; 0 is none.
    student_endpoint, teacher_endpoint: whose features are compared, see
      `tasks.features.features`; read where `features` is not 0.
  """

  variables: Any
  network: Network = struct.field(pytree_node=False)
  soft: float = struct.field(pytree_node=False, default=0.0)
  temperature: float = struct.field(pytree_node=False, default=1.0)
  features: float = struct.field(pytree_node=False, default=0.0)
  student_endpoint: str = struct.field(pytree_node=False, default='')
  teacher_endpoint: str = struct.field(pytree_node=False, default='')

  @property
  def spec(self) -> ArchSpec:
    """Of the teacher."""
    return self.network.spec

  def student_taps(self, student: ArchSpec) -> tuple[int, ...]:
    """Blocks of the student whose outputs `loss` wants: none, or that of the
    features and the last, whose outputs are the logits."""
    if not self.features:
      return ()
    return tapped(student, self.student_endpoint), last(student)

  def loss(
    self, loss: Array, student: ArchSpec, params: Any, out: Any, images: Array
  ) -> Array:
    """A student's loss with what its teacher says.

    Args:
      loss: by the labels alone.
      student: whose images these are.
      params: of the student; with the projection where there is one.
      out: the student's logits, or its outputs by block where `student_taps`
        names some.
      images: [N, H, W, C] of the student's batch.
    """
    if not self.soft and not self.features:
      return loss
    logits, theirs = self._run(images, student)
    if self.soft:
      ours = logits_of(out, student)
      taught = soft_label_loss(ours, logits, self.temperature)
      loss = (1 - self.soft) * loss + self.soft * taught
    if self.features:
      ours = out[self.student_taps(student)[0]]
      if PROJECTION in params:
        ours = project(ours, params[PROJECTION])
      loss += self.features * feature_loss(ours, theirs)
    return loss

  def _run(self, images: Array, student: ArchSpec) -> tuple[Array, Any]:
    """Logits [N, classes], and features where they are wanted."""
    spec, taps = self.spec, ()
    if self.features:
      taps = tapped(spec, self.teacher_endpoint), last(spec)
    images = convert_images(images, student, spec)
    out: Any = self.network.apply(self.variables, images, taps=taps)
    out = jax.lax.stop_gradient(out)
    logits = logits_of(out, spec)[:, self._unknown(student) :]
    return logits, out[taps[0]] if taps else None

  def _unknown(self, student: ArchSpec) -> int:
    """Classes in front of the student's: 1 where only the teacher knows the
    background, as TensorFlow's models do."""
    return int(self.spec.background and not student.background)

  def check(self, student: ArchSpec) -> None:
    """Checks that a student can learn from this teacher.

    Raises:
      UserError: they have other classes or channels, or not the endpoints.
    """
    spec = self.spec
    classes = spec.num_classes - self._unknown(student)
    for what, ours, theirs in (
      ('classes', student.num_classes, classes),
      ('input channels', student.in_channels, spec.in_channels),
    ):
      if ours != theirs:
        raise UserError(
          f'The teacher {spec.name} has {theirs} {what}, its student '
          f'{student.name} has {ours}; they must be the same.'
        )
    if self.features:
      tapped(spec, self.teacher_endpoint)
      tapped(student, self.student_endpoint)

  def projection(self, student: ArchSpec, seed: int) -> Any:
    """First weights of what brings the student's features to the teacher's
    channels; None where nothing has to."""
    if not self.features:
      return None
    ours = channels_at(student, self.student_endpoint)
    theirs = channels_at(self.spec, self.teacher_endpoint)
    if ours == theirs:
      return None
    return create_projection(seed_key(seed, 0, PROJECTION_KEY), ours, theirs)


def last(spec: ArchSpec) -> int:
  """Index of the last block."""
  return len(spec.blocks) - 1


def logits_of(out: Any, spec: ArchSpec) -> Array:
  """[N, classes] of what a network returned, with taps or without."""
  return out[last(spec)].astype(jnp.float32) if isinstance(out, dict) else out


def tapped(spec: ArchSpec, endpoint: str) -> int:
  """Index of the block whose output an endpoint is.

  Raises:
    UserError: there is no such endpoint, or it is the image itself.
  """
  index = find_endpoint(spec, endpoint)
  if index < 0:
    raise UserError(f'The {endpoint} of {spec.name} is the image itself.')
  return index


def channels_at(spec: ArchSpec, endpoint: str) -> int:
  """Channels of the features at an endpoint."""
  return shapes(spec)[tapped(spec, endpoint)].out_channels


def convert_images(images: Array, ours: ArchSpec, theirs: ArchSpec) -> Array:
  """One network's images as another one's.

  Undone are the mean and std of `ours`, made those of `theirs`; where the
  resolutions differ the images, cropped and augmented as they are, are resized
  ('bilinear' of `jax.image.resize`, antialiased when it makes them smaller).

  Args:
    images: [N, H, W, C] as `ours` takes them.
    ours, theirs: of the same number of channels.
  """
  a, b = ours.inputs, theirs.inputs
  if (a.mean, a.std) != (b.mean, b.std):
    channels = images.shape[-1]
    mean, std, other_mean, other_std = (
      by_channel(v, channels) for v in (a.mean, a.std, b.mean, b.std)
    )
    scale, shift = std / other_std, (mean - other_mean) / other_std
    images = images * jnp.float32(scale) + jnp.float32(shift)
  if ours.resolution != theirs.resolution:
    n, _, _, channels = images.shape
    shape = (n, theirs.resolution, theirs.resolution, channels)
    images = jax.image.resize(images, shape, 'bilinear')
  return images


def by_channel(values: tuple[float, ...], channels: int) -> np.ndarray:
  """A mean or std for images of 1, 3 or 4 channels: grey and alpha take the
  average, as `data.preprocess.normalize` does."""
  found = np.array(values)
  if channels == 1:
    return found.mean(keepdims=True)
  return np.append(found, [found.mean()] * (channels - 3))
