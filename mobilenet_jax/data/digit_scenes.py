"""The `digit_scenes` data set: real images that need no download.

Importing this module makes the name known to TFDS. Building it takes neither
TensorFlow nor a network: `mobilenet_jax.data.sources.prepare` does it.
"""

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from mobilenet_jax.data import digits, png, scenes

# Scenes a split; a multiple of 10, so that classes are balanced.
SCENES = {'train': 12_000, 'validation': 2_400, 'test': 4_000}
PIXELS = (64, 32, 96)  # one builder config each; the first is the default

_CHUNK = 64  # scenes drawn at once: few enough to stay in cache

_DESCRIPTION = """\
One handwritten digit in a coloured, textured scene with distracting pen
strokes and pieces of other digits; hard but readable. Labels are balanced.
The digits are the 1,797 real ones that scikit-learn carries (UCI Optical
Recognition of Handwritten Digits, 8x8, CC BY 4.0); train, validation and test
use disjoint sets of them. Everything around them is drawn by mobilenet_jax,
deterministically: scene i of a split is the same at every resolution.
`mask` is 255 on the digit's strokes, `bbox` is the tight box round them.
Licence of the digits: CC BY 4.0, https://creativecommons.org/licenses/by/4.0/
"""

_CITATION = """\
@misc{alpaydin1998optdigits,
  author = {Alpaydin, E. and Kaynak, C.},
  title = {Optical Recognition of Handwritten Digits},
  howpublished = {UCI Machine Learning Repository},
  year = {1998},
  doi = {10.24432/C50P49},
}
"""


class DigitScenes(tfds.core.GeneratorBasedBuilder):
  """TFDS builder of digit scenes; configs '32', '64' and '96' are pixels."""

  VERSION = tfds.core.Version('1.0.0')
  # Nothing is downloaded, so there are no checksums to look for. (The search
  # also needs importlib_resources, which TFDS 4.9.10 forgets to require.)
  url_infos = {}  # noqa: RUF012
  BUILDER_CONFIGS = [  # noqa: RUF012 (TFDS' own form)
    tfds.core.BuilderConfig(name=str(px), description=f'{px} x {px} pixels.')
    for px in PIXELS
  ]

  def __init__(self, **kwargs: Any):
    # The format that `tfds.data_source` reads, without TensorFlow.
    super().__init__(**{'file_format': 'array_record', **kwargs})

  def _info(self) -> tfds.core.DatasetInfo:
    px = int(self.builder_config.name)
    return self.dataset_info_from_configs(
      description=_DESCRIPTION,
      citation=_CITATION,
      homepage='https://doi.org/10.24432/C50P49',
      license='CC BY 4.0 (digits)',
      supervised_keys=('image', 'label'),
      # Record i is scene i, so any [:n%] slice is balanced too.
      disable_shuffling=True,
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(
            shape=(px, px, 3), encoding_format='png'
          ),
          'label': tfds.features.ClassLabel(names=[str(n) for n in range(10)]),
          'bbox': tfds.features.BBoxFeature(),
          'mask': tfds.features.Image(shape=(px, px, 1), encoding_format='png'),
        }
      ),
    )

  def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
    del dl_manager  # Nothing to download.
    return {split: self._generate_examples(split) for split in digits.SHARES}

  def _generate_examples(
    self, split: str
  ) -> Iterator[tuple[int, dict[str, Any]]]:
    px, total = int(self.builder_config.name), SCENES[split]
    for start in range(0, total, _CHUNK):
      ids = range(start, min(start + _CHUNK, total))
      drawn = scenes.draw(split, ids, px)
      for row, i in enumerate(ids):
        yield (
          i,
          {
            'image': png.encode(drawn.image[row]),
            'label': int(drawn.label[row]),
            'bbox': tfds.features.BBox(*drawn.box[row].tolist()),
            'mask': png.encode(drawn.mask[row]),
          },
        )
