"""Top-1 accuracy on ImageNet that others published, each with its source.

Nothing here was measured by us. A row stands for the very network and
resolution that `get_arch` makes of its name and width; figures of networks
that differ in layers are left out (V3-Small 1.25 and ProxylessNAS 1.4 have
wider heads in their papers, ShuffleNet V1 0.25 another count of
multiply-adds). Where a paper and the authors' released checkpoints disagree,
a grid is taken whole from one of them, so that its rows compare.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mobilenet_jax.models.registry import get_model


@dataclass(frozen=True)
class Published:
  """A published figure.

  Attributes:
    name, width, resolution: of the network, as for `get_arch`.
    top1: percent of ImageNet's validation images.
    source: paper and table, or repository.
  """

  name: str
  width: float
  resolution: int
  top1: float
  source: str


def published(
  name: str, width: float = 1.0, resolution: int | None = None
) -> Published | None:
  """Returns what was published of a network, or None.

  Args:
    name: one of `list_models()`.
    width: its width multiplier.
    resolution: in pixels; the model's own where None.

  Raises:
    UserError: an unknown name (with the nearest one).
  """
  own = get_model(name).resolution
  return _FOUND.get((name, width, own if resolution is None else resolution))


def _grid(
  name: str,
  source: str,
  resolutions: tuple[int, ...],
  columns: Mapping[float, tuple[float, ...]],
) -> tuple[Published, ...]:
  """Rows of a table that has a column for every width."""
  return tuple(
    Published(name, width, resolution, top1, source)
    for width, column in columns.items()
    for resolution, top1 in zip(resolutions, column, strict=True)
  )


def _rows(
  source: str, *rows: tuple[str, float, int, float]
) -> tuple[Published, ...]:
  """Rows (name, width, resolution, top1) of one source."""
  return tuple(
    Published(name, width, resolution, top1, source)
    for name, width, resolution, top1 in rows
  )


SLIM_V1 = 'tensorflow/models, mobilenet_v1.md'
SLIM = 'tensorflow/models, mobilenet'
V1_PAPER = 'arXiv 1704.04861'
V3_PAPER = 'arXiv 1905.02244 v5, Table 9'
V4_PAPER = 'arXiv 2404.10518, Table 6'
MNASNET = 'tensorflow/tpu, mnasnet'
LITE = 'tensorflow/tpu, efficientnet/lite'
SHUFFLE_V1 = 'arXiv 1707.01083'  # prints errors
MEGVII = 'megvii-model/ShuffleNet-Series'  # prints errors
TORCHVISION = 'torchvision 0.28.0'  # IMAGENET1K_V1
TIMM = 'timm, results-imagenet.csv'

ROWS: tuple[Published, ...] = (
  # the paper prints 70.6, 68.4, 63.7, 50.6 for the widths at 224 px
  *_grid(
    'mobilenet_v1', SLIM_V1, (224, 192, 160, 128),
    {
      1.0: (70.9, 70.0, 68.0, 65.2),
      0.75: (68.4, 67.2, 65.3, 62.1),
      0.5: (63.3, 61.7, 59.1, 56.3),
      0.25: (49.8, 47.7, 45.5, 41.5),
    },
  ),
  *_rows(
    f'{V1_PAPER}, Table 4', ('mobilenet_v1_full_conv', 1.0, 224, 71.7)
  ),
  *_rows(f'{V1_PAPER}, Table 5', ('mobilenet_v1_shallow', 1.0, 224, 65.3)),
  # the paper prints 72.0 and, for 1.4, 74.7
  *_grid(
    'mobilenet_v2', SLIM, (224, 192, 160, 128, 96),
    {
      1.0: (71.8, 70.7, 68.8, 65.3, 60.3),
      0.75: (69.8, 68.7, 66.4, 63.2, 58.8),
      0.5: (65.4, 63.9, 61.0, 57.7, 51.2),
      0.35: (60.3, 58.2, 55.7, 50.8, 45.5),
    },
  ),
  *_grid('mobilenet_v2', SLIM, (224,), {1.4: (75.0,), 1.3: (74.4,)}),
  *_grid(
    'mobilenet_v3_large', V3_PAPER, (256, 224, 192, 160, 128, 96),
    {1.0: (76.0, 75.2, 73.7, 71.7, 68.4, 63.3)},
  ),
  *_grid(
    'mobilenet_v3_large', V3_PAPER, (224,),
    {1.25: (76.6,), 0.75: (73.3,), 0.5: (68.8,), 0.35: (64.2,)},
  ),
  # its Table 3 prints 67.4
  *_grid(
    'mobilenet_v3_small', V3_PAPER, (256, 224, 160, 128, 96),
    {1.0: (68.5, 67.5, 62.8, 57.3, 51.7)},
  ),
  *_grid(
    'mobilenet_v3_small', V3_PAPER, (224,),
    {0.75: (65.4,), 0.5: (58.0,), 0.35: (49.8,)},
  ),
  *_rows(
    SLIM,
    ('mobilenet_v3_large_minimalistic', 1.0, 224, 72.3),
    ('mobilenet_v3_small_minimalistic', 1.0, 224, 61.9),
  ),
  # no float figures are given
  *_rows(
    f'{SLIM}, 8-bit',
    ('mobilenet_edgetpu', 1.0, 224, 75.6),
    ('mobilenet_edgetpu', 0.75, 224, 73.5),
  ),
  *_rows(
    V4_PAPER,
    ('mobilenet_v4_conv_small', 1.0, 224, 73.8),
    ('mobilenet_v4_conv_medium', 1.0, 256, 79.9),
    ('mobilenet_v4_conv_large', 1.0, 384, 82.9),
    ('mobilenet_v4_hybrid_medium', 1.0, 256, 80.7),
    ('mobilenet_v4_hybrid_large', 1.0, 384, 83.4),
  ),
  # trained at these resolutions
  *_rows(
    TIMM,
    ('mobilenet_v4_conv_medium', 1.0, 224, 79.092),
    ('mobilenet_v4_conv_large', 1.0, 256, 81.864),
    ('mobilenet_v4_hybrid_medium', 1.0, 224, 80.432),
  ),
  # 160 px and 0.35 is printed as 52.3 in one column, as 59.3 in another
  *_grid(
    'mnasnet_a1', MNASNET, (224, 192, 160, 128, 96),
    {
      1.4: (77.2, 76.1, 74.8, 72.5, 68.6),
      1.0: (75.2, 74.0, 72.0, 69.3, 64.4),
      0.75: (73.3, 72.1, 70.1, 67.0, 62.1),
      0.5: (68.9, 67.2, 64.9, 60.8, 54.7),
      0.35: (64.1, 62.4, 59.3, 54.8, 49.3),
    },
  ),
  *_rows('arXiv 1807.11626', ('mnasnet_b1', 1.0, 224, 74.5)),
  *_rows('arXiv 1807.11626, Table 4', ('mnasnet_small', 1.0, 224, 66.0)),
  *_grid(
    'mnasnet_b1', TORCHVISION, (224,),
    {1.3: (76.506,), 0.75: (71.18,), 0.5: (67.734,)},
  ),
  *_rows(
    'mit-han-lab/proxylessnas', ('proxylessnas_mobile', 1.0, 224, 74.6)
  ),
  *_rows('facebookresearch/mobile-vision', ('fbnet_c', 1.0, 224, 74.9)),
  *_rows('arXiv 1904.02877, abstract', ('spnasnet', 1.0, 224, 74.96)),
  *_rows(
    'arXiv 1905.11946 v5, Table 2', ('efficientnet_b0', 1.0, 224, 77.1)
  ),
  *_rows(
    LITE,
    ('efficientnet_lite0', 1.0, 224, 75.1),
    ('efficientnet_lite1', 1.0, 240, 76.7),
    ('efficientnet_lite2', 1.0, 260, 77.6),
    ('efficientnet_lite3', 1.0, 280, 79.8),
    ('efficientnet_lite4', 1.0, 300, 81.5),
  ),
  *_rows(
    'arXiv 1602.07360, Table 3',
    ('squeezenet_1_0', 1.0, 227, 57.5),
    ('squeezenet_1_0_bypass', 1.0, 227, 60.4),
  ),
  *_rows(
    f'{SHUFFLE_V1}, Table 2',
    ('shufflenet_v1_g1', 1.0, 224, 66.4), ('shufflenet_v1_g1', 0.5, 224, 54.9),
    ('shufflenet_v1_g2', 1.0, 224, 67.3), ('shufflenet_v1_g2', 0.5, 224, 55.6),
    ('shufflenet_v1_g3', 1.0, 224, 67.4), ('shufflenet_v1_g3', 0.5, 224, 56.8),
    ('shufflenet_v1_g4', 1.0, 224, 67.2), ('shufflenet_v1_g4', 0.5, 224, 58.4),
    ('shufflenet_v1_g8', 1.0, 224, 67.6), ('shufflenet_v1_g8', 0.5, 224, 57.7),
  ),
  *_rows(
    f'{SHUFFLE_V1}, Table 5',
    ('shufflenet_v1_g3', 2.0, 224, 73.7), ('shufflenet_v1_g3', 1.5, 224, 71.5),
  ),
  *_rows(
    MEGVII,
    ('shufflenet_v1_g8', 2.0, 224, 72.9), ('shufflenet_v1_g8', 1.5, 224, 71.0),
  ),
  *_grid(
    'shufflenet_v2', 'arXiv 1807.11164, Table 8', (224,),
    {2.0: (74.9,), 1.5: (72.6,), 1.0: (69.4,), 0.5: (60.3,)},
  ),
  *_rows(
    TORCHVISION,
    ('squeezenet_1_0', 1.0, 224, 58.092),
    ('squeezenet_1_1', 1.0, 224, 58.178),
    ('alexnet', 1.0, 224, 56.522),
    ('vgg16', 1.0, 224, 71.592),
    ('googlenet', 1.0, 224, 69.778),
    ('resnet50', 1.0, 224, 76.13),
  ),
)  # fmt: skip

_FOUND = {(row.name, row.width, row.resolution): row for row in ROWS}
