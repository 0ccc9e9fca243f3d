"""Random concrete specs, for hypothesis."""

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

BODY = st.one_of(
  st.builds(
    arch.Conv,
    kernel=KERNELS,
    stride=STRIDES,
    channels=CHANNELS,
    activation=ACTIVATIONS,
  ),
  st.builds(
    arch.DepthwiseSeparable,
    kernel=KERNELS,
    stride=STRIDES,
    channels=CHANNELS,
    activation=ACTIVATIONS,
  ),
  st.builds(
    arch.InvertedResidual,
    kernel=KERNELS,
    stride=STRIDES,
    expand_ratio=RATIOS,
    channels=CHANNELS,
    squeeze_excite=st.one_of(st.just(0.0), st.floats(0.01, 1)),
    activation=ACTIVATIONS,
    residual=st.booleans(),
  ),
)
DENSE = st.builds(arch.Dense, channels=CHANNELS, activation=ACTIVATIONS)
NAMES = st.from_regex(r'[a-z][a-z0-9_.-]{0,20}', fullmatch=True)


@st.composite
def specs(draw, most_blocks: int = 6):
  body = draw(st.lists(BODY, min_size=1, max_size=most_blocks))
  head = draw(st.lists(DENSE, min_size=1, max_size=2))
  return arch.ArchSpec(
    name=draw(NAMES),
    resolution=draw(st.integers(1, 300)),
    blocks=(*body, arch.Pool(), *head),
    in_channels=draw(st.sampled_from([1, 3, 4])),
    norm_epsilon=draw(st.sampled_from([1e-3, 1e-5, 2.5e-4])),
  )
