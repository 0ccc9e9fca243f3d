"""How a window moves over an image: padding, and the taps that matter."""

from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

Padding = Literal['same', 'symmetric'] | int


class Axis(NamedTuple):
  """A window's way along one axis.

  Attributes:
    size: length of the input.
    out: length of the output.
    before: zeros before the input (less than 0: what is cut off there).
    taps: length of the kernel.
    stride, dilation: steps between outputs, and between taps.
  """

  size: int
  out: int
  before: int
  taps: int
  stride: int = 1
  dilation: int = 1

  @property
  def after(self) -> int:
    """Zeros after the input (less than 0: what is never read)."""
    last = (self.out - 1) * self.stride + (self.taps - 1) * self.dilation
    return last + 1 - self.before - self.size

  def live(self) -> tuple['Axis', slice]:
    """Leaves out the taps that see nothing but padding.

    On an image smaller than the kernel most of them do: of a 5 x 5 kernel on
    2 x 2 pixels nine are left.
    """
    gap = self.before - (self.out - 1) * self.stride
    first = max(-(-gap // self.dilation), 0)
    last = min((self.size - 1 + self.before) // self.dilation, self.taps - 1)
    shorter = self._replace(
      before=self.before - first * self.dilation, taps=last - first + 1
    )
    return shorter, slice(first, last + 1)


def axis(
  size: int, taps: int, stride: int, padding: Padding, dilation: int = 1
) -> Axis:
  """The way of a window of `taps` along an axis of `size`.

  Args:
    padding: 'same' as in TensorFlow (ceil(size / stride) outputs, the odd
      zero after), 'symmetric' as PyTorch's users write it ((taps - 1) // 2 on
      both sides), or that many zeros on both sides.

  Raises:
    ValueError: the kernel does not fit into the padded input.
  """
  span = (taps - 1) * dilation + 1
  if padding == 'same':
    out = -(-size // stride)
    total = max((out - 1) * stride + span - size, 0)
    return Axis(size, out, total // 2, taps, stride, dilation)
  zeros = (span - 1) // 2 if padding == 'symmetric' else padding
  if span > size + 2 * zeros:
    raise ValueError(
      f'a kernel of {taps} (dilation {dilation}) does not fit into {size} '
      f'pixels and {zeros} zeros on both sides'
    )
  out = (size + 2 * zeros - span) // stride + 1
  return Axis(size, out, zeros, taps, stride, dilation)


def pad(x: Array, rows: Axis, cols: Axis) -> Array:
  """Puts the zeros of both axes around [N, H, W, C]."""
  edges = [(a.before, a.after, 0) for a in (rows, cols)]
  zero = jnp.zeros((), x.dtype)
  return lax.pad(x, zero, [(0, 0, 0), *edges, (0, 0, 0)])


def tap(x: Array, i: int, j: int, rows: Axis, cols: Axis) -> Array:
  """What the tap (i, j) sees of a padded x: [N, rows.out, cols.out, C]."""
  i, j = i * rows.dilation, j * cols.dilation
  i_end = i + rows.stride * (rows.out - 1) + 1
  j_end = j + cols.stride * (cols.out - 1) + 1
  return x[:, i : i_end : rows.stride, j : j_end : cols.stride]
