"""What a student learns from a teacher: soft labels and features.

Plain functions of two networks' outputs: tasks and weight-sharing networks
take their teachers from wherever they like, from themselves, too.
"""

import jax
import jax.numpy as jnp
import optax
from jax import Array


def soft_label_loss(
  logits: Array, teacher_logits: Array, temperature: float = 1.0
) -> Array:
  """How far a student's soft labels are from its teacher's; 0 where equal.

  T^2 KL(softmax(teacher / T) || softmax(student / T)), the mean over images:
  its gradient is that of the cross entropy with soft targets, and T^2 keeps
  the gradient's size whatever the temperature (arXiv 1503.02531, section 2).

  Args:
    logits: [N, classes] of the student.
    teacher_logits: [N, classes]; no gradient flows into them.
    temperature: T, above 0.
  """
  targets = jax.lax.stop_gradient(teacher_logits)
  apart = optax.losses.kl_divergence_with_log_targets(
    jax.nn.log_softmax(logits / temperature),
    jax.nn.log_softmax(targets / temperature),
  )
  return temperature**2 * apart.mean()


def feature_loss(features: Array, teacher_features: Array) -> Array:
  """Mean squared difference of features (FitNets, arXiv 1412.6550, eq. 3).

  Args:
    features: [N, H, W, C], or [N, C] vectors, of the student.
    teacher_features: [N, H', W', C] or [N, C]; no gradient flows into them.
      Where sides differ both become as small as the smaller, see `shrink`.
  """
  ours, theirs = as_images(features), as_images(teacher_features)
  side = (
    min(ours.shape[1], theirs.shape[1]),
    min(ours.shape[2], theirs.shape[2]),
  )
  apart = shrink(ours, side) - jax.lax.stop_gradient(shrink(theirs, side))
  return jnp.mean(jnp.square(apart))


def as_images(x: Array) -> Array:
  """[N, C] vectors as [N, 1, 1, C], images as they are; in float32."""
  x = x.astype(jnp.float32)
  return x[:, None, None] if x.ndim == 2 else x


def shrink(x: Array, side: tuple[int, int]) -> Array:
  """[N, H, W, C] averaged down to [N, *side, C].

  Whole windows where the side divides; else triangles as wide as the pixels
  of the result (`jax.image.resize`, 'linear', antialiased).
  """
  n, height, width, channels = x.shape
  down, across = height // side[0], width // side[1]
  if (down * side[0], across * side[1]) == (height, width):
    shape = (n, side[0], down, side[1], across, channels)
    return x.reshape(shape).mean((2, 4))
  return jax.image.resize(x, (n, *side, channels), 'linear')


def create_projection(key: Array, channels: int, teacher: int) -> dict:
  """First weights of the 1x1 convolution from a student's channels to a
  teacher's: {'kernel' [channels, teacher], 'bias' [teacher]}."""
  kernel = jax.nn.initializers.lecun_normal()(key, (channels, teacher))
  return {'kernel': kernel, 'bias': jnp.zeros(teacher)}


def project(x: Array, projection: dict) -> Array:
  """The 1x1 convolution of [N, H, W, C] or [N, C] features, in float32."""
  return x.astype(jnp.float32) @ projection['kernel'] + projection['bias']
