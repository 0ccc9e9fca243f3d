"""To TFLite: float flatbuffers whose arithmetic is the network's own.

TensorFlow is imported inside the functions only. The depthwise convolution
must be traced in its grouped form, which the converter knows as
DEPTHWISE_CONV_2D.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.quiet import quiet_stderr
from mobilenet_jax.models.builder import build, image_shape

FLOATS = (np.float32, np.float16)


def convert(
  function: Callable[[Any], Any],
  in_shape: tuple[int, ...],
  dtype: str = 'float32',
  samples: Sequence[np.ndarray] = (),
) -> bytes:
  """Returns a TFLite flatbuffer of a JAX function of one array.

  Args:
    function: traced once; weights it closes over become constants.
    in_shape: of its input, batch included.
    dtype: 'float32'; 'float16', whose weights are stored so (the arithmetic
      is the runtime's choice) and whose input and output are float32; or
      'int8', all of it, input and output too.
    samples: for int8, float32 inputs that show the range of every tensor.
  """
  with quiet_stderr():
    return _convert(function, in_shape, dtype, samples)


def _convert(
  function: Callable[[Any], Any],
  in_shape: tuple[int, ...],
  dtype: str,
  samples: Sequence[np.ndarray],
) -> bytes:
  import tensorflow as tf
  from jax.experimental import jax2tf

  concrete = tf.function(
    jax2tf.convert(function, with_gradient=False),
    input_signature=[tf.TensorSpec(in_shape, tf.float32, name='input')],
    autograph=False,
  ).get_concrete_function()
  lite: Any = tf.lite
  converter = lite.TFLiteConverter.from_concrete_functions([concrete])
  if dtype != 'float32':
    converter.optimizations = [lite.Optimize.DEFAULT]
  if dtype == 'float16':
    converter.target_spec.supported_types = [tf.float16]
  if dtype == 'int8':
    converter.representative_dataset = lambda: ([x] for x in samples)
    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
  return converter.convert()


def network_to_tflite(
  spec: ArchSpec,
  variables: dict[str, Any],
  dtype: str = 'float32',
  samples: Sequence[np.ndarray] = (),
) -> bytes:
  """Returns the TFLite flatbuffer of a network at batch 1.

  Its input is [1, resolution, resolution, in_channels], its output the
  [1, num_classes] logits. `dtype` and `samples` as in `convert`.
  """
  network = build(spec, impl='portable')
  shape = image_shape(spec)
  return convert(lambda x: network.apply(variables, x), shape, dtype, samples)


class Interpreter:
  """A TFLite model of one input and one output, ready to run with LiteRT."""

  def __init__(self, model: bytes, threads: int = 1, *, xnnpack: bool = True):
    import ai_edge_litert.interpreter as litert

    resolvers = litert.OpResolverType
    with quiet_stderr():
      self._interpreter = litert.Interpreter(
        model_content=model,
        num_threads=threads,
        experimental_op_resolver_type=resolvers.BUILTIN
        if xnnpack
        else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
      )
      self._interpreter.allocate_tensors()
    self._input: Any = self._interpreter.get_input_details()[0]
    self._output: Any = self._interpreter.get_output_details()[0]
    self.invoke = self._interpreter.invoke

  @property
  def in_shape(self) -> tuple[int, ...]:
    """Shape of the input, batch included."""
    return tuple(int(n) for n in self._input['shape'])

  @property
  def in_dtype(self) -> type[np.generic]:
    """Type of the input's numbers."""
    return self._input['dtype']

  @property
  def shapes(self) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Shapes of all inputs and of all outputs."""
    run = self._interpreter
    inputs, outputs = (
      [tuple(int(n) for n in one['shape']) for one in some]
      for some in (run.get_input_details(), run.get_output_details())
    )
    return inputs, outputs

  @property
  def is_scaled(self) -> bool:
    """Whether it is known what real numbers its input and output stand for."""
    return all(
      one['dtype'] in FLOATS or one['quantization'][0] > 0
      for one in (self._input, self._output)
    )

  @property
  def out_range(self) -> tuple[float, float]:
    """Least and most real number that the output can say."""
    if self._output['dtype'] in FLOATS:
      return -np.inf, np.inf
    limits = np.iinfo(self._output['dtype'])
    ends = np.array([limits.min, limits.max])
    low, high = _to_real(ends, self._output)
    return float(low), float(high)

  def real(self, x: np.ndarray) -> np.ndarray:
    """The output for an input, both float32, whatever the model's types.

    A quantized number q stands for scale * (q - zero_point).
    """
    return _to_real(self(_to_own(x, self._input)), self._output)

  def feed(self, x: np.ndarray) -> None:
    """Sets the input that `invoke` will read."""
    self._interpreter.set_tensor(self._input['index'], x)

  def __call__(self, x: np.ndarray) -> np.ndarray:
    self.feed(x)
    self.invoke()
    return self._interpreter.get_tensor(self._output['index'])


def _to_own(x: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
  """Real numbers as a tensor keeps them; the nearest where it is quantized."""
  dtype = tensor['dtype']
  if dtype in FLOATS:
    return x.astype(dtype)
  scale, zero = tensor['quantization']
  limits = np.iinfo(dtype)
  return np.clip(np.rint(x / scale) + zero, limits.min, limits.max).astype(
    dtype
  )


def _to_real(x: np.ndarray, tensor: dict[str, Any]) -> np.ndarray:
  if tensor['dtype'] in FLOATS:
    return x.astype(np.float32)
  scale, zero = tensor['quantization']
  return (np.float32(scale) * (x.astype(np.int64) - zero)).astype(np.float32)
