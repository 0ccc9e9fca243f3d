"""Evolution and NSGA-II on toy objectives: optimum, window, resume."""

import dataclasses
import itertools
import json

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.tensors import price, price_tensors, space_keys
from mobilenet_jax.search import evolution, nsga2, select
from mobilenet_jax.search.evaluations import Evaluations
from mobilenet_jax.search.evidence import Judged, front
from mobilenet_jax.space import get_space
from tests.latency.toy import toy_table

SETTINGS = evolution.Settings(
  population=40, generations=12, parents=0.25, mutated=0.5, mutation=0.1,
  seed=0,
)  # fmt: skip
NEAR = 0.1
SHORT = '{"vector": [0], "accuracy": 0.5, "latency_ms": 1.0}\n'


@pytest.fixture(scope='module')
def case():
  """A space, its prices, a target, an accuracy that has a known optimum."""
  space = get_space('v3_small_images', 32, 10)
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))

  def accuracy(vector):  # what costs time is good, and so are odd places
    signs = [1 if d % 3 else -1 for d in range(len(vector))]
    return 0.5 + sum(s * v for s, v in zip(signs, vector, strict=True)) / 200

  cost = lambda vector: price(tensors, vector)
  middle = cost([n // 2 for n in space.decisions.values()])
  return space, cost, accuracy, middle


def search(case, path, policy, settings=SETTINGS, counted=None):
  space, cost, accuracy, target = case
  calls = [] if counted is None else counted

  def evaluate(vector):
    calls.append(vector)
    return accuracy(vector)

  seen = Evaluations(path, space, evaluate, cost)
  fits = lambda vector: abs(cost(vector) / target - 1) <= NEAR
  if policy == 'evolution':
    return evolution.evolve(space, seen, fits, settings), seen
  most = target * (1 + NEAR)
  return nsga2.explore(space, seen, cost, fits, most, settings), seen


@pytest.mark.parametrize('policy', ['evolution', 'nsga2'])
def test_it_beats_as_many_random_networks_and_keeps_to_the_window(
  case, tmp_path, policy
):
  space, cost, accuracy, target = case
  best, seen = search(case, tmp_path / 'log.jsonl', policy)
  found = seen.all()
  inside = [e for e in found if abs(e.ms / target - 1) <= NEAR]
  assert best in inside
  assert best.quality == max(e.quality for e in inside)
  assert all(e.ms <= target * (1 + NEAR) for e in found)
  if policy == 'evolution':
    assert inside == found
  fits = lambda vector: abs(cost(vector) / target - 1) <= NEAR
  random = select.uniform(space, fits, len(found), seed=1)
  margin = 0.02 if policy == 'evolution' else 0.0  # it seeks a whole front
  assert best.quality > max(map(accuracy, random)) + margin
  if policy == 'nsga2':
    drawn = select.uniform(space, lambda v: True, len(found), seed=2)
    others = [Judged(v, cost(v), accuracy(v)) for v in drawn]
    assert front([*found, *others]) == front(found)


@pytest.mark.parametrize('policy', ['evolution', 'nsga2'])
def test_no_network_is_evaluated_twice(case, tmp_path, policy):
  """Nor does evolution spend children on known ones; the first networks are
  those that the found one is compared with."""
  space, cost, _, target = case
  calls, some = [], SETTINGS
  if policy == 'nsga2':  # is slow
    some = dataclasses.replace(SETTINGS, generations=4)
  _, seen = search(case, tmp_path / 'log.jsonl', policy, some, calls)
  networks = {space.decode(vector) for vector in calls}
  assert len(networks) == len(calls) == len(seen.all())
  if policy == 'evolution':
    assert len(calls) == 40 + 12 * 30  # all that it may
  rivals = select.random_within(space, cost, target, NEAR, 3, SETTINGS.seed)
  assert calls[:3] == rivals


def test_it_finds_the_optimum_of_a_small_space(tmp_path):
  space = get_space('v3_tiny', 32, 10)
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  cost = lambda vector: price(tensors, vector)
  every = list(itertools.product(*map(range, space.decisions.values())))
  target = cost(every[len(every) // 2])
  fits = lambda vector: abs(cost(vector) / target - 1) <= NEAR
  goal = max(every)
  accuracy = lambda v: sum(a == b for a, b in zip(v, goal, strict=True)) / 10
  wanted = max(accuracy(v) for v in every if fits(v))
  few = evolution.Settings(20, 10, 0.25, 0.5, 0.1, 0)
  seen = Evaluations(tmp_path / 'log.jsonl', space, accuracy, cost)
  best = evolution.evolve(space, seen, fits, few)
  assert best.quality == wanted
  assert len(seen.all()) < len(every) / 2


@pytest.mark.parametrize('policy', ['evolution', 'nsga2'])
def test_a_search_that_was_killed_ends_the_same_and_repeats_nothing(
  case, tmp_path, policy
):
  whole = tmp_path / 'whole.jsonl'
  best, seen = search(case, whole, policy)
  rows = whole.read_text().splitlines(keepends=True)
  assert len(rows) == len(seen.all()) > 100
  broken = tmp_path / 'broken.jsonl'
  broken.write_text(''.join(rows[:70]) + rows[70][:9])  # cut off in a line
  calls = []
  again, others = search(case, broken, policy, counted=calls)
  assert again == best
  assert others.all() == seen.all()
  assert broken.read_bytes() == whole.read_bytes()
  assert len(calls) == len(rows) - 70
  # what was asked for is in order, whatever the file had before
  assert [list(e.vector) for e in seen.all()] == [
    json.loads(row)['vector'] for row in rows
  ]


def test_another_seed_is_another_search(case, tmp_path):
  short = dataclasses.replace(SETTINGS, generations=1)
  other = dataclasses.replace(short, seed=1)
  for policy in ('evolution', 'nsga2'):
    _, a = search(case, tmp_path / f'{policy}-0', policy, short)
    _, b = search(case, tmp_path / f'{policy}-1', policy, other)
    assert a.all()[0] != b.all()[0]


def test_no_network_within_the_window_is_an_error(case, monkeypatch):
  space, *_ = case
  for module in (select, evolution):
    monkeypatch.setattr(module, 'MOST_DRAWS', 50)
  with pytest.raises(UserError, match='None of 50 random networks of v3_small'):
    evolution.evolve(space, lambda v: None, lambda v: False, SETTINGS)


@pytest.mark.parametrize(
  'text',
  ['{"vector": [1]}\n', SHORT, 'nonsense\n', '[1, 2]\n', '{"vector": 3}\n'],
)
def test_a_damaged_log_is_named(tmp_path, text):
  path = tmp_path / 'log.jsonl'
  path.write_text(text)
  with pytest.raises(UserError, match=r'log\.jsonl is damaged'):
    Evaluations(path, get_space('v3_tiny', 32, 10), lambda v: 0.0, None)
  assert path.read_text() == text  # left alone
