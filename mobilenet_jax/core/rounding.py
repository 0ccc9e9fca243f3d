"""Channel rounding, as every MobileNet since V1 does it."""


def make_divisible(
  value: float, divisor: int = 8, minimum: int | None = None
) -> int:
  """Rounds a channel count to a multiple of `divisor`, at least 90 % of it.

  Source: tensorflow/models, slim `nets/mobilenet/conv_blocks.py`
  (`_make_divisible`), the rule of MobileNetV2 and V3.

  Args:
    value: channels before rounding; may be fractional.
    divisor: what the result is a multiple of.
    minimum: the least result; `divisor` when not given.
  """
  least = divisor if minimum is None else minimum
  rounded = max(least, int(value + divisor / 2) // divisor * divisor)
  if rounded < 0.9 * value:
    rounded += divisor
  return rounded
