"""NetAdapt's proposals, criteria and loop, on prices by multiply-adds."""

import itertools
import math

import pytest

from mobilenet_jax.arch import check, count
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.widths import sizes, widths, with_widths
from mobilenet_jax.search import netadapt
from mobilenet_jax.search.netadapt import Point, Settings

NETWORKS = (
  'mobilenet_v3_small', 'mobilenet_v3_large', 'mobilenet_v2',
  'mobilenet_v4_conv_small',
)  # fmt: skip


def prices(specs):
  """Milliseconds of a device that takes as long as there is work."""
  return [count(spec).macs * 1e-6 + count(spec).params * 1e-7 for spec in specs]


def point(name='mobilenet_v3_small', accuracy=0.5):
  spec = get_arch(name, 1.0, 64, 10)
  return Point(spec, prices([spec])[0], accuracy)


@pytest.mark.parametrize('name', NETWORKS)
def test_proposals_are_the_widest_networks_that_are_fast_enough(name):
  at = point(name)
  delta = 0.01 * at.ms
  found = netadapt.proposals(at, delta, prices)
  by_group = {p.group: p for p in found}
  assert len(by_group) == len(found) > 10
  before = sizes(at.spec)
  for width in widths(at.spec):
    narrowest = with_widths(at.spec, {width.name: width.least})
    one = by_group.get(width.name)
    if prices([narrowest])[0] > at.ms - delta:
      assert one is None
      continue
    check(one.spec)
    assert one.ms == prices([one.spec])[0] <= at.ms - delta
    assert (one.before, one.after % 8) == (width.channels, 0)
    after = sizes(one.spec)
    assert after[one.group] == one.after
    changed = {group for group in before if before[group] != after[group]}
    assert changed <= {one.group, one.group.replace('expand', 'squeeze')}
    wider = with_widths(at.spec, {one.group: one.after + 8})
    assert one.after + 8 >= one.before or prices([wider])[0] > at.ms - delta


def test_few_calls_price_all_proposals():
  calls = []

  def asked(specs):
    calls.append(len(specs))
    return prices(specs)

  at = point('mobilenet_v3_large')
  netadapt.proposals(at, 0.01 * at.ms, asked)
  assert len(calls) <= 8  # 1280 / 8 widths are halved so often
  assert calls[0] == len(widths(at.spec))


def test_where_no_group_can_cut_enough_all_that_cut_are_proposed():
  at = point()
  found = netadapt.proposals(at, 0.9 * at.ms, prices)
  assert [p.group for p in found] == [w.name for w in widths(at.spec)]
  assert all(p.after == 8 or p.ms < at.ms for p in found)


def test_scores_by_hand():
  at = Point(point().spec, 10.0, 0.80)
  assert netadapt.score(at, 0.78, 9.5, 'v3') == pytest.approx(-0.04)
  assert netadapt.score(at, 0.81, 9.8, 'v3') == pytest.approx(0.05)
  assert netadapt.score(at, 0.78, 9.5, 'netadapt') == pytest.approx(
    -(0.02 + 1e-6) / (0.5 + 1e-5)
  )


def walk(at, settings, tune, done=0):
  seen, settled = [], []
  end = netadapt.refine(
    at, settings, prices, tune, seen.append, settled.append, done
  )
  return end, seen, settled


def toy_accuracy(iteration, proposal):
  """Made up: the head is worth little, all else by its parameters."""
  del iteration
  head = sizes(proposal.spec)['block_14'] * 1e-5
  return 0.5 + head + count(proposal.spec).params * 1e-7


def test_a_refinement_ends_at_the_first_point_below_its_target():
  at = point()
  settings = Settings(0.8 * at.ms, 0.02 * at.ms, 1.0, 'v3')
  end, seen, settled = walk(at, settings, toy_accuracy)
  way = [at.ms, *(t.proposal.ms for t in settled)]
  assert all(b <= a - settings.delta_ms for a, b in itertools.pairwise(way))
  assert way[-2] > settings.target_ms >= way[-1] == end.ms
  assert prices([end.spec]) == [end.ms]
  assert end.accuracy == settled[-1].accuracy
  for best in settled:
    same = [t for t in seen if t.iteration == best.iteration]
    assert [t.number for t in same] == list(range(len(same)))
    assert best.score == max(t.score for t in same)
    assert best is [t for t in same if t.leads][-1]


def test_the_step_decays():
  at = point()
  settings = Settings(0.9 * at.ms, 0.05 * at.ms, 0.5, 'netadapt')
  _, _, settled = walk(at, settings, toy_accuracy)
  way = [at.ms, *(t.proposal.ms for t in settled)]
  falls = [a - b for a, b in itertools.pairwise(way)]
  for i, fall in enumerate(falls):
    assert fall >= settings.delta_ms * 0.5**i
  assert min(falls) < settings.delta_ms  # as it could not without decay


def test_a_refinement_goes_on_from_any_iteration():
  at = point()
  settings = Settings(0.8 * at.ms, 0.02 * at.ms, 0.96, 'v3')
  end, _, settled = walk(at, settings, toy_accuracy)
  for stop in (1, len(settled) - 1, len(settled)):
    last = settled[stop - 1]
    there = Point(last.proposal.spec, last.proposal.ms, last.accuracy)
    again, _, rest = walk(there, settings, toy_accuracy, stop)
    assert again == end
    assert rest == settled[stop:]


def test_prices_that_do_not_fall_are_told():
  at = point()
  flat = lambda specs: [at.ms for _ in specs]
  settings = Settings(0.5 * at.ms, 0.01 * at.ms, 1.0, 'v3')
  with pytest.raises(JobError, match='No narrower network is faster than'):
    netadapt.refine(
      at, settings, flat, toy_accuracy, lambda t: None, lambda t: None
    )


def test_iterations_are_those_of_the_least_cuts():
  assert netadapt.iterations(0.2, 0.01, 1.0) == 20
  # 0.1 + 0.05 + 0.025 + 0.0125 is 0.1875, and all of them together 0.2
  assert netadapt.iterations(0.1875, 0.1, 0.5) == 4
  assert netadapt.iterations(0.19, 0.1, 0.5) == 5
  assert netadapt.iterations(0.2, 0.1, 0.5) == math.inf
