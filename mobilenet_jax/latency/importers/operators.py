"""What the operations of a profile are, by the names that the tool prints."""

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers.profile import Op

# by an operation's name in TensorFlow Lite, or in XNNPACK up to its brackets
WORK = {
  'conv 2d': 'convolution',
  'convolution': 'convolution',
  'depthwise conv 2d': 'depthwise',
  'fully connected': 'dense',
  'mean': 'mean',
  'sum': 'mean',
  'average pool 2d': 'mean',
  'average pooling': 'mean',
  'global average pooling': 'mean',
  'max pool 2d': 'max',
  'max pooling': 'max',
}
BEFORE = {
  'pad', 'padv2', 'constant pad', 'quantize', 'convert', 'transpose', 'copy',
}  # fmt: skip
BETWEEN = {
  'add', 'sub', 'subtract', 'mul', 'multiply', 'div', 'divide', 'minimum',
  'maximum', 'relu', 'relu6', 'relu n1 to 1', 'clamp', 'hard swish',
  'hardswish', 'logistic', 'sigmoid', 'gelu', 'tanh', 'unary elementwise',
  'binary elementwise', 'reshape', 'squeeze', 'softmax', 'dequantize',
  'batch matmul', 'batch matrix multiply', 'concatenation', 'concatenate',
  'split', 'strided slice',
}  # fmt: skip
SUMS = ('add', 'binary elementwise')


def is_sum(op: Op) -> bool:
  """Whether it may be the sum of a shortcut."""
  return _name(op) in SUMS


def _name(op: Op) -> str:
  return op.type.partition(' (')[0].lower().replace('_', ' ')


def kind_of(op: Op, where: str) -> str:
  """Of the values of `WORK`, or 'before' or 'between' them.

  'convolution?' may be a depthwise one.
  """
  name = _name(op)
  if name in BEFORE:
    return 'before'
  if name in BETWEEN:
    return 'between'
  if name not in WORK:
    raise UserError(f'{where}: unknown operation {op}.')
  if name == 'convolution':  # XNNPACK says which only in newer versions
    if 'DWConv' in op.type:
      return 'depthwise'
    return 'convolution' if 'GEMM' in op.type else 'convolution?'
  return WORK[name]
