"""The networks whose parity with their libraries is tested.

source, the library's name, ours (with its width), side of the images in
pixels, outputs, gain of the formula's kernels.
"""

from typing import NamedTuple


class Case(NamedTuple):
  """One network of one library."""

  source: str
  name: str
  ours: str
  width: float = 1.0
  side: int = 64
  classes: int = 1000
  gain: float = 1.0

  @property
  def file(self) -> str:
    """Of its golden numbers."""
    return f'{self.source}_{self.name}.json'


def _timm(name: str, ours: str, width: float = 1.0, gain: float = 1.0) -> Case:
  return Case('timm', name, ours, width, gain=gain)


V3 = 'mobilenet_v3'
V4 = 'mobilenet_v4'
TORCHVISION = [
  Case('torchvision', 'mobilenet_v2', 'mobilenet_v2'),
  Case('torchvision', 'mobilenet_v3_large', f'{V3}_large'),
  Case('torchvision', 'mobilenet_v3_small', f'{V3}_small', gain=1.1),
  Case('torchvision', 'mnasnet0_5', 'mnasnet_b1', 0.5),
  Case('torchvision', 'mnasnet1_0', 'mnasnet_b1'),
  Case('torchvision', 'shufflenet_v2_x0_5', 'shufflenet_v2', 0.5),
  Case('torchvision', 'shufflenet_v2_x1_0', 'shufflenet_v2', 1.0),
  Case('torchvision', 'shufflenet_v2_x1_5', 'shufflenet_v2', 1.5),
  Case('torchvision', 'shufflenet_v2_x2_0', 'shufflenet_v2', 2.0),
  Case('torchvision', 'squeezenet1_0', 'squeezenet_1_0'),
  Case('torchvision', 'squeezenet1_1', 'squeezenet_1_1'),
  Case('torchvision', 'alexnet', 'alexnet', side=128),
  Case('torchvision', 'vgg16', 'vgg16', side=96),
  Case('torchvision', 'googlenet', 'googlenet'),
  Case('torchvision', 'resnet50', 'resnet50'),
  Case('torchvision', 'efficientnet_b0', 'efficientnet_b0', gain=1.5),
]
TIMM = [
  _timm('mobilenetv1_100', 'mobilenet_v1'),
  _timm('mobilenetv2_100', 'mobilenet_v2'),
  _timm('mobilenetv2_050', 'mobilenet_v2', 0.5),
  _timm('mobilenetv3_large_100', f'{V3}_large'),
  _timm('mobilenetv3_small_100', f'{V3}_small'),
  _timm('mobilenetv3_small_050', f'{V3}_small', 0.5),
  _timm('tf_mobilenetv3_large_100', f'{V3}_large'),
  _timm('tf_mobilenetv3_large_075', f'{V3}_large', 0.75),
  _timm('tf_mobilenetv3_small_100', f'{V3}_small'),
  _timm('tf_mobilenetv3_large_minimal_100', f'{V3}_large_minimalistic'),
  _timm('tf_mobilenetv3_small_minimal_100', f'{V3}_small_minimalistic'),
  _timm('mobilenetv4_conv_small', f'{V4}_conv_small'),
  _timm('mobilenetv4_conv_small_050', f'{V4}_conv_small', 0.5),
  _timm('mobilenetv4_conv_medium', f'{V4}_conv_medium'),
  _timm('mobilenetv4_conv_large', f'{V4}_conv_large'),
  Case('timm', 'mobilenetv4_hybrid_medium', f'{V4}_hybrid_medium', side=128),
  Case('timm', 'mobilenetv4_hybrid_large', f'{V4}_hybrid_large', side=128),
  _timm('mnasnet_100', 'mnasnet_b1'),
  _timm('semnasnet_100', 'mnasnet_a1'),
  _timm('semnasnet_075', 'mnasnet_a1', 0.75),
  _timm('mnasnet_small', 'mnasnet_small'),
  _timm('fbnetc_100', 'fbnet_c'),
  _timm('spnasnet_100', 'spnasnet'),
  _timm('efficientnet_lite0', 'efficientnet_lite0'),
  _timm('tf_efficientnet_lite0', 'efficientnet_lite0'),
  _timm('tf_efficientnet_lite4', 'efficientnet_lite4'),
  _timm('efficientnet_b0', 'efficientnet_b0', gain=1.5),
  _timm('mobilenet_edgetpu_100', 'mobilenet_edgetpu'),
]
TRANSFORMERS = [
  Case('transformers', 'mobilenet_v1', 'mobilenet_v1', classes=1001),
  Case('transformers', 'mobilenet_v2', 'mobilenet_v2', classes=1001),
]
KERAS = [
  Case('keras', 'MobileNet', 'mobilenet_v1'),
  Case('keras', 'MobileNetV2', 'mobilenet_v2'),
  Case('keras', 'MobileNetV3Large', f'{V3}_large'),
  Case('keras', 'MobileNetV3Small', f'{V3}_small'),
  Case('keras', 'MobileNetV3Large_075', f'{V3}_large', 0.75),
  Case('keras', 'MobileNetV3LargeMinimalistic', f'{V3}_large_minimalistic'),
  Case('keras', 'MobileNetV3SmallMinimalistic', f'{V3}_small_minimalistic'),
]
SLIM = [
  Case('slim', 'mobilenet_v1', 'mobilenet_v1', classes=1001),
  Case('slim', 'mobilenet_v2', 'mobilenet_v2', classes=1001),
  Case('slim', 'mobilenet_v3_large', f'{V3}_large', classes=1001),
  Case('slim', 'mobilenet_v3_small', f'{V3}_small', classes=1001),
]
CASES = [*TORCHVISION, *TIMM, *TRANSFORMERS, *KERAS, *SLIM]
