"""Published accuracies belong to networks that exist, once each."""

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch, get_model, list_models
from mobilenet_jax.models.catalogue import catalogue
from mobilenet_jax.models.published import ROWS, published

UNPUBLISHED: set[str] = set()  # of which we know no published figure


def test_every_row_is_of_a_network():
  for row in ROWS:
    spec = get_arch(row.name, row.width, row.resolution)
    assert spec.resolution == row.resolution
    assert 0 < row.top1 < 100
    assert row.source.startswith('arXiv ') or row.source[0].islower()


def test_no_network_has_two_figures():
  keys = [(row.name, row.width, row.resolution) for row in ROWS]
  assert len(keys) == len(set(keys))


def test_every_model_is_published_or_listed_as_not():
  assert set(list_models()) - {row.name for row in ROWS} == UNPUBLISHED


@pytest.mark.parametrize(
  ('name', 'width', 'resolution', 'top1'),
  [
    ('mobilenet_v1', 0.25, 128, 41.5),  # the corners of the grids
    ('mobilenet_v2', 0.35, 96, 45.5),
    ('mobilenet_v2', 1.4, None, 75.0),
    ('mnasnet_a1', 0.35, 160, 59.3),
    ('mobilenet_v3_large', 1.0, None, 75.2),
    ('mobilenet_v3_small', 0.35, 224, 49.8),
    ('mobilenet_v4_hybrid_large', 1.0, None, 83.4),
    ('shufflenet_v1_g3', 1.0, 224, 67.4),  # an error of 32.6 in the paper
    ('efficientnet_lite4', 1.0, 300, 81.5),
  ],
)
def test_figures(name, width, resolution, top1):
  found = published(name, width, resolution)
  assert found is not None
  assert found.top1 == top1


def test_what_is_not_published_has_no_figure():
  assert published('mobilenet_v2', 0.6) is None
  assert published('squeezenet_1_0_bypass') is None  # at 227 px only
  with pytest.raises(UserError, match='mobilenet_v2'):
    published('mobilenet_w2')


def test_more_work_is_more_accurate_along_a_grid():
  """A mistyped figure stands out of its row or its column."""
  for a in ROWS:
    for b in ROWS:
      same = (a.name, a.source) == (b.name, b.source)
      if same and a.width <= b.width and a.resolution < b.resolution:
        assert a.top1 < b.top1, (a, b)
      if same and a.width < b.width and a.resolution == b.resolution:
        assert a.top1 < b.top1, (a, b)


def test_the_catalogue_has_every_published_row():
  rows = catalogue(grid=True)
  keys = {(row['name'], row['width'], row['resolution']) for row in rows}
  own = {(name, 1.0, get_model(name).resolution) for name in list_models()}
  assert keys == own | {(row.name, row.width, row.resolution) for row in ROWS}
  assert len(keys) == len(rows)
  assert {row['name'] for row in catalogue('mnasnet')} == {
    'mnasnet_a1', 'mnasnet_b1', 'mnasnet_small',
  }  # fmt: skip
