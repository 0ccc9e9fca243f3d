"""Random concrete specs, for hypothesis."""

from hypothesis import reject
from hypothesis import strategies as st

from mobilenet_jax import arch

CHANNELS = st.integers(1, 400)
KERNELS = st.sampled_from([1, 3, 5, 7])
STRIDES = st.integers(1, 3)
ACTIVATIONS = st.sampled_from(sorted(arch.ACTIVATIONS))
RATIOS = st.one_of(
  st.integers(1, 8),
  st.builds(lambda a, b: a / b, st.integers(8, 300), st.integers(8, 90)),
  st.floats(0.01, 64),
)

PADDINGS = st.one_of(st.none(), st.integers(0, 3))


def spatial(kind, **more):
  """Blocks with a kernel, a stride, channels and an activation."""
  return st.builds(
    kind,
    kernel=KERNELS,
    stride=STRIDES,
    channels=CHANNELS,
    activation=ACTIVATIONS,
    **more,
  )


BODY = st.one_of(
  spatial(arch.Conv, padding=PADDINGS, norm=st.booleans()),
  spatial(arch.DepthwiseSeparable),
  spatial(
    arch.InvertedResidual,
    expand_ratio=RATIOS,
    squeeze_excite=st.one_of(st.just(0.0), st.floats(0.01, 1)),
    squeezed=st.integers(0, 9),
    gate=st.sampled_from(['hard_sigmoid', 'sigmoid']),
    residual=st.booleans(),
    full=st.booleans(),
  ),
  spatial(
    arch.FusedInvertedResidual, expand_ratio=RATIOS, residual=st.booleans()
  ),
  st.builds(
    arch.UniversalBottleneck,
    start_kernel=st.sampled_from([0, 3, 5]),
    kernel=st.sampled_from([0, 3, 5]),
    expand_ratio=RATIOS,
    channels=CHANNELS,
    layer_scale=st.booleans(),
  ),
  st.builds(
    arch.MobileAttention,
    kernel=st.just(3),
    heads=st.integers(1, 4),
    key_dim=st.integers(1, 16),
    kv_stride=st.integers(1, 2),
    channels=CHANNELS,
  ),
  st.builds(
    arch.Fire,
    squeezed=st.integers(1, 30),
    channels=CHANNELS.map(lambda c: 2 * c),
  ),
  st.builds(arch.MaxPool, kernel=KERNELS, stride=STRIDES, ceil=st.booleans()),
  st.builds(
    arch.Bottleneck,
    channels=CHANNELS.map(lambda c: 4 * c),
    project=st.just(True),
  ),
  st.builds(
    arch.SplitShuffleUnit,
    channels=CHANNELS.map(lambda c: 2 * c),
    stride=STRIDES,
    down=st.just(True),
  ),
  st.builds(
    arch.Inception,
    **dict.fromkeys(
      ('ones', 'reduce_3x3', 'threes', 'reduce_5x5', 'fives', 'pooled'),
      st.integers(1, 60),
    ),
  ),
)
DENSE = st.builds(
  arch.Dense, channels=CHANNELS, activation=ACTIVATIONS, norm=st.booleans()
)
POOL = st.one_of(
  st.just(arch.Pool()), st.builds(arch.Flatten, size=st.integers(1, 3))
)
INPUTS = st.builds(
  arch.Inputs,
  mean=st.tuples(*[st.floats(0, 1)] * 3),
  crop=st.floats(0.1, 1),
  squash=st.booleans(),
  interpolation=st.sampled_from(['bilinear', 'bicubic', 'nearest']),
)
NAMES = st.from_regex(r'[a-z][a-z0-9_.-]{0,20}', fullmatch=True)


@st.composite
def specs(draw, most_blocks: int = 6):
  body = draw(st.lists(BODY, min_size=1, max_size=most_blocks))
  head = draw(st.lists(DENSE, min_size=1, max_size=2))
  spec = arch.ArchSpec(
    name=draw(NAMES),
    resolution=draw(st.integers(1, 300)),
    blocks=(*body, draw(POOL), *head),
    in_channels=draw(st.sampled_from([1, 3, 4])),
    norm_epsilon=draw(st.sampled_from([1e-3, 1e-5, 2.5e-4])),
    padding=draw(st.sampled_from(['same', 'symmetric'])),
    background=draw(st.booleans()),
    inputs=draw(INPUTS),
  )
  try:
    return arch.check(spec)
  except arch.SpecError:  # a kernel larger than what is left of the image
    reject()
