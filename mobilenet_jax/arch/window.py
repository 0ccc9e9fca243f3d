"""How a window moves over an image: output sizes and padding."""

from typing import Literal, NamedTuple

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
  size: int,
  taps: int,
  stride: int,
  padding: Padding,
  dilation: int = 1,
  *,
  ceil: bool = False,
) -> Axis:
  """The way of a window of `taps` along an axis of `size`.

  Args:
    padding: 'same' as in TensorFlow (ceil(size / stride) outputs, the odd
      zero after), 'symmetric' as PyTorch's users write it ((taps - 1) // 2 on
      both sides), or that many zeros on both sides.
    ceil: whether a last window may hang over the end, as PyTorch's
      `ceil_mode`; it must start inside.

  Raises:
    ValueError: the kernel does not fit into the padded input.
  """
  span = (taps - 1) * dilation + 1
  if padding == 'same':
    out = -(-size // stride)
    total = max((out - 1) * stride + span - size, 0)
    return Axis(size, out, total // 2, taps, stride, dilation)
  zeros = (span - 1) // 2 if padding == 'symmetric' else padding
  room = size + 2 * zeros - span
  if room < 0:
    raise ValueError(
      f'a kernel of {taps} (dilation {dilation}) does not fit into {size} '
      f'pixels and {zeros} zeros on both sides'
    )
  out = room // stride + 1
  if ceil and room % stride and out * stride < size + zeros:
    out += 1
  return Axis(size, out, zeros, taps, stride, dilation)
