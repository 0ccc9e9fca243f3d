"""What follows a convolution channel by channel, and its fused form."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
from jax import Array

from mobilenet_jax.nn.activations import ACTIVATIONS


@dataclass(frozen=True)
class Affine:
  """activation(y * gain + shift): batch norm as evaluation has it, or a bias.

  Attributes:
    gain: [C], float32; None is 1.
    shift: [C], float32.
    activation: of `ACTIVATIONS`.
  """

  gain: Array | None
  shift: Array
  activation: str = 'linear'

  def __call__(self, y: Array) -> Array:
    """Of [..., C]."""
    if self.gain is not None:
      y = y * self.gain.astype(y.dtype)
    return ACTIVATIONS[self.activation](y + self.shift.astype(y.dtype))


def fused(
  fast: Callable[..., Array],
  plain: Callable[[Array, Array], Array],
  x: Array,
  kernel: Array,
  then: Affine,
) -> Array:
  """A convolution and what follows, in one pass over the result.

  Args:
    fast: of (x, kernel, gain, bias, activation=); has no gradient.
    plain: of (x, kernel): the convolution alone, with its gradient.
  """
  gain, shift = (
    None if a is None else a.astype(x.dtype) for a in (then.gain, then.shift)
  )
  operands = (x, kernel, gain, shift)
  return _fused(fast, plain, then.activation, *operands)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _fused(
  fast: Callable[..., Array],
  plain: Callable[[Array, Array], Array],
  activation: str,
  *operands: Array | None,
) -> Array:
  del plain
  return fast(*operands, activation=activation)


def _fused_fwd(fast, plain, activation, *operands):
  del fast  # it keeps nothing that a gradient could use

  def whole(x: Array, kernel: Array, gain: Array | None, shift: Array) -> Array:
    return Affine(gain, shift, activation)(plain(x, kernel))

  return jax.vjp(whole, *operands)


def _fused_bwd(fast, plain, activation, vjp, dy):
  del fast, plain, activation
  return vjp(dy)


_fused.defvjp(_fused_fwd, _fused_bwd)
