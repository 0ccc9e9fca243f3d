"""The picture of docs/zoo.md: accuracy against multiply-adds."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import NullLocator
from matplotlib.transforms import Bbox

from mobilenet_jax.models import get_model
from mobilenet_jax.models.catalogue import catalogue

# Okabe and Ito's colours, and one of Tol's: apart for the colour-blind too
STYLES = {
  'mobilenet_v1': ('#3A9BD9', 'o'),
  'mobilenet_v2': ('#005A9C', 's'),
  'mobilenet_v3': ('#D55E00', '^'),
  'mobilenet_v4': ('#000000', 'D'),
  'mnasnet': ('#008A64', 'v'),
  'efficientnet': ('#C48200', 'p'),
  'shufflenet_v1': ('#C76BA0', '<'),
  'shufflenet_v2': ('#882255', '>'),
}
OTHERS = ('#666666', 'X')
ELSEWHERE = {'squeezenet_1_0_bypass': 227}  # px it was published at
HALO = [withStroke(linewidth=2, foreground='white')]
LEADER = {'arrowstyle': '-', 'lw': 0.6, 'shrinkA': 0, 'shrinkB': 3}
JOINED = ('efficientnet_lite',)  # names that share a line
UNJOINED = tuple(f'shufflenet_v1_g{groups}' for groups in (1, 2, 4, 8))
TICKS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)
ZOOM = (270, 840, 73.95, 77.55)  # MMACs, MMACs, %, %: shown larger, below
INSET = (0.6, 0.045, 0.395, 0.49)  # where, as shares of the axes
LARGE, SMALL = 9, 7.5  # points


class Place(NamedTuple):
  """A label and where it stands, in points from its own point."""

  text: str
  x: float = 7
  y: float = -3


LEFT = -7
# names: width 1; (name, width): the others, at their usual place if not here
PLACES: dict[str | tuple[str, float], Place] = {
  'mobilenet_v1': Place('MobileNetV1'),
  'mobilenet_v1_full_conv': Place('MobileNetV1, full conv.', LEFT),
  'mobilenet_v1_shallow': Place('V1, shallow'),
  'mobilenet_v2': Place('MobileNetV2', 36, -3),
  ('mobilenet_v2', 0.5): Place('0.5', 8, -9),
  ('mobilenet_v2', 1.3): Place('1.3', LEFT, 1),
  ('mobilenet_v2', 1.4): Place('MobileNetV2 1.4', 7, 2),
  'mobilenet_v3_large': Place('MobileNetV3 Large', LEFT, 1),
  'mobilenet_v3_small': Place('MobileNetV3 Small', LEFT, 2),
  'mobilenet_v3_large_minimalistic': Place('Large minimalistic', -60, -8),
  'mobilenet_v3_small_minimalistic': Place('Small minimalistic', -52, 2),
  ('mobilenet_v3_large', 1.25): Place('MobileNetV3 Large 1.25', 0, 8),
  ('mobilenet_v3_large', 0.35): Place('0.35', LEFT),
  ('mobilenet_v3_small', 0.75): Place('0.75', LEFT, -2),
  'mobilenet_v4_conv_small': Place('MobileNetV4 Conv-S', -42, -8),
  'mobilenet_v4_conv_medium': Place('MobileNetV4 Conv-M', LEFT, -5),
  'mobilenet_v4_conv_large': Place('MobileNetV4 Conv-L', LEFT),
  'mobilenet_v4_hybrid_medium': Place('MobileNetV4 Hybrid-M', LEFT, 1),
  'mobilenet_v4_hybrid_large': Place('MobileNetV4 Hybrid-L', 0, 7),
  'mobilenet_edgetpu': Place('MobileNetEdgeTPU (8-bit)'),
  'mnasnet_a1': Place('A1', LEFT, 2),
  ('mnasnet_a1', 1.4): Place('MnasNet-A1 1.4', LEFT, 3),
  ('mnasnet_a1', 0.5): Place('0.5', LEFT, 1),
  ('mnasnet_a1', 0.75): Place(''),
  ('mnasnet_a1', 0.35): Place('0.35', LEFT),
  'mnasnet_b1': Place('MnasNet-B1', 8, -8),
  ('mnasnet_b1', 1.3): Place('1.3', 1, 6),
  ('mnasnet_b1', 0.75): Place(''),
  'mnasnet_small': Place('MnasNet-small', -58, 1),
  'efficientnet_b0': Place('EfficientNet-B0'),
  'efficientnet_lite0': Place('Lite0'),
  'efficientnet_lite1': Place('Lite1', 7, -6),
  'efficientnet_lite2': Place('EfficientNet-Lite2'),
  'efficientnet_lite3': Place('EfficientNet-Lite3'),
  'efficientnet_lite4': Place('EfficientNet-Lite4'),
  'shufflenet_v1_g3': Place('ShuffleNet V1', 10, -9),
  ('shufflenet_v1_g3', 0.5): Place('0.5', LEFT),
  ('shufflenet_v1_g3', 1.5): Place(''),
  'shufflenet_v2': Place('ShuffleNet V2', -66, 2),
  ('shufflenet_v2', 0.5): Place('0.5', LEFT),
  ('shufflenet_v2', 1.5): Place(''),
  ('shufflenet_v2', 2.0): Place('ShuffleNet V2 2x', 7, -9),
  'squeezenet_1_0': Place('SqueezeNet 1.0', LEFT, -13),
  'squeezenet_1_0_bypass': Place('SqueezeNet 1.0, bypass', LEFT),
  'squeezenet_1_1': Place('SqueezeNet 1.1', LEFT),
  'fbnet_c': Place('FBNet-C', 7, -8),
  'proxylessnas_mobile': Place('ProxylessNAS', 8, -2),
  'spnasnet': Place('SPNASNet', -0.5, 40),
  'alexnet': Place('AlexNet', LEFT),
  'vgg16': Place('VGG16', 0, 7),
  'googlenet': Place('GoogLeNet'),
  'resnet50': Place('ResNet-50', 0, 7),
}


def draw(path: Path) -> list[tuple[str, str]]:
  """Writes the picture; returns pairs of labels that overlap."""
  mpl.rcParams['font.family'] = 'DejaVu Sans'
  figure, axes = plt.subplots(figsize=(10, 7.4), dpi=200)
  frame(axes)
  inset = axes.inset_axes(INSET)
  zoom(axes, inset)
  texts = []
  for rows in lines():
    colour, marker = STYLES.get(rows[0]['family'], OTHERS)
    xs, ys = [row['macs'] / 1e6 for row in rows], [row['top1'] for row in rows]
    alone = rows[0]['name'] in UNJOINED
    for panel in (axes, inset):
      panel.plot(
        xs, ys, linestyle='' if alone else '-', color=colour, marker=marker,
        ms=6, lw=1.3, mec='white', mew=0.5,
      )  # fmt: skip
    for x, y, row in zip(xs, ys, rows, strict=True):
      inside = ZOOM[0] < x < ZOOM[1] and ZOOM[2] < y < ZOOM[3]
      texts += write(inset if inside else axes, x, y, row, colour)
  figure.tight_layout()
  figure.canvas.draw()
  figure.savefig(path)
  # of the text alone, without its leader
  boxes = [(text.get_text(), Text.get_window_extent(text)) for text in texts]
  plt.close(figure)
  return list(overlaps(boxes))


def frame(axes: Axes) -> None:
  """Axes, their ticks and units."""
  axes.set_xscale('log')
  axes.set_xlim(9, 26_000)
  axes.set_ylim(47.5, 85.5)
  names = [f'{t} M' if t < 1000 else f'{t // 1000} G' for t in TICKS]
  axes.set_xticks(TICKS, names)
  axes.xaxis.set_minor_locator(NullLocator())
  axes.set_xlabel('multiply-adds of one image (logarithmic)')
  axes.set_ylabel('published top-1 accuracy on ImageNet, %')
  axes.grid(color='#e6e6e6', lw=0.7)
  axes.set_axisbelow(True)
  axes.spines[['top', 'right']].set_visible(False)


def zoom(axes: Axes, inset: Axes) -> None:
  """The panel that shows the crowd of 300 to 600 M larger."""
  inset.set_xscale('log')
  inset.set_xlim(*ZOOM[:2])
  inset.set_ylim(*ZOOM[2:])
  inset.set_xticks((300, 400, 600, 800), ['300 M', '400 M', '600 M', '800 M'])
  inset.xaxis.set_minor_locator(NullLocator())
  inset.set_yticks((74, 75, 76, 77))
  inset.tick_params(labelsize=SMALL)
  inset.grid(color='#e6e6e6', lw=0.7)
  inset.set_axisbelow(True)
  axes.indicate_inset_zoom(inset, edgecolor='#555555', lw=0.7)


def lines() -> list[list[dict]]:
  """Rows that a line joins: a network's widths, or `JOINED` networks."""
  by_line: dict[str, list[dict]] = {}
  for row in catalogue(grid=True):
    name = row['name']
    own = ELSEWHERE.get(name, get_model(name).resolution)
    if row['resolution'] != own or row['top1'] is None:
      continue
    key = next((k for k in JOINED if name.startswith(k)), name)
    by_line.setdefault(key, []).append(row)
  return [sorted(rows, key=lambda r: r['macs']) for rows in by_line.values()]


def write(axes: Axes, x: float, y: float, row: dict, colour: str) -> list:
  """Writes a point's label, if it has one."""
  name, width = row['name'], row['width']
  if name not in PLACES:
    return []
  usual = Place(f'{width:g}', 6, -8)
  at = PLACES[name] if width == 1 else PLACES.get((name, width), usual)
  size = LARGE if at.text[:1].isalpha() else SMALL
  far = abs(at.x) + abs(at.y) > 30
  text = axes.annotate(
    at.text, (x, y), (at.x, at.y), textcoords='offset points', size=size,
    color=colour, ha=('center', 'left', 'right')[(at.x > 0) - (at.x < 0)],
    path_effects=HALO, arrowprops=dict(LEADER, color=colour) if far else None,
  )  # fmt: skip
  return [text] if at.text else []


def overlaps(boxes: list[tuple[str, Bbox]]) -> Iterator[tuple[str, str]]:
  """Pairs of labels that stand on each other."""
  for i, (text, box) in enumerate(boxes):
    for other, there in boxes[:i]:
      if box.overlaps(there):
        yield text, other
