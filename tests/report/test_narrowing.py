"""What the page says of a search whose seed NetAdapt has narrowed."""

import base64
import json

import pytest

from tests.report.conftest import edit
from tests.report.test_page import read

AIM = 0.1
SEEN = {
  'measure': 'held-out accuracy',
  'aim_ms': AIM,
  'found': {'vector': [0], 'ms': 0.1, 'quality': 0.7},
  'chosen': {'block1/kernel': '5'},
  'candidates': [{'vector': [0], 'ms': 0.1, 'quality': 0.7}],
  'front': [{'vector': [0], 'ms': 0.1, 'quality': 0.7}],
  'how': 'one decision changed at a time',
  'sensitivity': [],
}
PICTURE = b'\x89PNG of the way'


@pytest.fixture
def narrowed(folder):
  """The finished search, its network narrowed from a seed of 0.1 ms."""
  way = {
    'seed': {'arch': '', 'ms': AIM, 'held_out_accuracy': 0.75},
    'target_ms': 0.08, 'priced_ms': 0.079, 'held_out_accuracy': 0.7,
    'iterations': 6, 'picture': 'refine.png',
  }  # fmt: skip
  place = folder / 'refined'
  place.mkdir()
  (place / 'way.json').write_text(json.dumps(way))
  (place / 'refine.png').write_bytes(PICTURE)
  (folder / 'evidence.json').write_text(json.dumps(SEEN))
  edit(folder / 'config.json', lambda c: c.update(refine={'seed_ratio': 1.25}))

  def change(results):
    results['target_ms'] = 0.08
    results['cost'] = {'search': 488e3, 'narrowing': 419e3, 'random': 560e3}

  edit(folder / 'results.json', change)
  return folder


def test_the_way_from_the_seed_is_told_and_shown(narrowed):
  page = read(narrowed)
  assert (
    'The search found a seed of 0.100 ms (75.00% of the held-out images). '
    'NetAdapt narrowed it in 6 iterations to 0.0790 ms; what came out was '
    'trained from scratch.'
  ) in page.text
  picture = base64.b64encode(PICTURE).decode()
  assert f'data:image/png;base64,{picture}' in [
    attributes.get('src') for name, attributes in page.tags if name == 'img'
  ]


def test_the_search_is_drawn_with_what_it_aimed_at(narrowed):
  page = read(narrowed)
  window, level = page.charts['chart-latency']['layout']['shapes']
  assert level['y0'] == level['y1'] == AIM
  assert (window['y0'], window['y1']) == pytest.approx((0.097, 0.103))
  front = page.charts['chart-front']
  (line,) = front['layout']['shapes']
  assert line['x0'] == line['x1'] == AIM
  assert front['data'][-1]['name'] == 'seed'
  assert 'dashed is the aim for the seed of 0.100 ms' in page.text
  assert 'narrowed down to 0.0800 ms' in page.text
  assert 'A network for digit_scenes/32 at 0.0800 ms' in page.text


def test_the_cost_of_narrowing_is_told(narrowed):
  assert (
    'the search saw 488 k images (one seen without learning counts a third), '
    'up to about 419 k of them to train its seed and to narrow it by NetAdapt, '
    'the training of the random networks 560 k'
  ) in read(narrowed).text
