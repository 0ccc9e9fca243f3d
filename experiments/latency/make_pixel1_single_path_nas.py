"""Makes the shipped table of a Pixel 1 from the figures of Single-Path NAS.

    python -m experiments.latency.make_pixel1_single_path_nas

Writes mobilenet_jax/latency/tables/pixel1-single_path_nas.csv and .json. The
figures are milliseconds of TFLite on one large core, as published by
D. Stamoulis et al. (arXiv 1904.02877; github.com/dstamoulis/single-path-nas,
`nas-search/pixel1_runtime_model.json`, Apache-2.0).

Seen: 46 rows; the zoo's `spnasnet` 80.4 ms, where the paper measured 79.5.
"""

import json
import tempfile
from pathlib import Path

from mobilenet_jax.latency.importers import import_table
from mobilenet_jax.latency.importers.single_path_nas import to_json
from mobilenet_jax.latency.table import SHIPPED, LatencyTable

NAME = 'pixel1-single_path_nas'
# a block a row; columns k3 e3, k3 e6, k5 e3, k5 e6
FIGURES = (
  (3.9844, 3.9452, 3.8584, 3.9277),  # 0
  (4.4905, 9.2015, 5.9248, 11.5892),  # 1
  (3.4111, 6.4022, 4.8853, 9.1518),  # 2
  (3.4223, 6.3511, 4.9721, 9.1756),  # 3
  (3.4216, 6.4176, 4.9875, 9.1567),  # 4
  (1.9593, 4.0999, 2.4458, 5.1170),  # 5
  (2.0489, 3.9830, 2.6194, 5.0582),  # 6
  (2.0503, 3.9802, 2.6166, 5.0631),  # 7
  (2.0762, 4.0257, 2.5942, 5.1072),  # 8
  (1.2320, 2.4647, 1.3958, 2.7909),  # 9
  (1.5806, 3.1395, 1.8193, 3.6309),  # 10
  (1.5785, 3.1346, 1.8074, 3.6589),  # 11
  (1.5869, 3.1416, 1.8032, 3.6603),  # 12
  (1.7339, 3.3782, 1.9649, 3.9186),  # 13
  (2.1805, 4.3918, 2.4367, 5.0673),  # 14
  (2.1805, 4.4261, 2.4549, 5.1933),  # 15
  (2.1938, 4.4800, 2.4535, 5.0946),  # 16
  (1.6163, 3.3411, 1.6996, 3.5497),  # 17
  (2.4304, 4.8923, 2.5697, 5.1394),  # 18
  (2.4598, 4.8797, 2.6467, 5.3249),  # 19
  (2.4381, 4.9217, 2.6649, 5.4103),  # 20
  (6.0662, 6.4995, 6.3308, 7.0644),  # 21
)


def make() -> LatencyTable:
  """Returns the table."""
  with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / f'{NAME}.json'
    path.write_text(json.dumps(to_json(FIGURES)))
    return import_table(path, 'single-path-nas')


def main() -> None:
  """Writes it."""
  SHIPPED.mkdir(exist_ok=True)
  make().save(SHIPPED / f'{NAME}.csv')


if __name__ == '__main__':
  main()
