"""The driver: exact resume, known networks, failures, many processes."""

import time

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from mobilenet_jax.core.errors import DivergedError, JobError, UserError
from mobilenet_jax.report.trials import accounted as in_words
from mobilenet_jax.search import studies
from mobilenet_jax.search.evidence import Judged, front
from mobilenet_jax.search.heartbeat import MOST_LOSSES
from mobilenet_jax.search.policies import POLICIES
from mobilenet_jax.search.storage import open_storage, parse
from mobilenet_jax.search.trial import Together, is_evaluated
from mobilenet_jax.search.trials import work
from tests.search.toy_worker import Worker
from tests.search.toys import (
  contents,
  quality_of,
  small_price,
  small_quality,
  small_search,
  small_space,
  together,
)


def joined(search):
  """A storage in memory that holds the search's study."""
  storage = optuna.storages.InMemoryStorage()
  studies.join(storage, 'toy', {}, 'memory', front=search.front)
  return storage


def in_memory(search, **more):
  """Runs a search to its end in memory; returns the storage."""
  storage = joined(search)
  work(search, storage, 'toy', **more)
  return storage


def in_spite_of(death, search):
  """Runs a search to its end that dies again and again; returns the storage
  and how often."""
  storage, deaths = joined(search), 0
  while True:
    try:
      work(search, storage, 'toy')
      return storage, deaths
    except death:
      deaths += 1


def trials(storage):
  return optuna.load_study(study_name='toy', storage=storage).trials


@pytest.mark.parametrize('policy', POLICIES)
def test_a_search_finds_the_optimum_of_a_small_space(policy):
  storage = in_memory(small_search(policy, 40))
  rows = studies.finished(storage, 'toy', small_space())
  # one that has settled on a network proposes it again and again
  assert sum(row.duplicate_of is None for row in rows) <= 40
  found = studies.best_within(rows, 2.2, 0.01)
  assert found.vector == (2, 1, 3)
  assert found.accuracy == pytest.approx(0.9)
  assert found.latency_ms == pytest.approx(2.2)


class Killed(BaseException):
  """As SIGKILL, nothing of the driver's may run after it."""


@pytest.mark.parametrize('policy', POLICIES)
def test_a_search_that_dies_in_every_trial_ends_the_same(policy, monkeypatch):
  """Each evaluation is broken off once, without a word to the storage."""
  whole = contents(in_memory(small_search(policy, 16)), 'toy')
  seen = set()

  def evaluate(vector, number, report):
    if number not in seen:
      seen.add(number)
      raise Killed
    return quality_of(vector)

  monkeypatch.setattr('mobilenet_jax.search.trials._let_go', lambda *_: None)
  search = small_search(policy, 16, evaluate)
  storage, deaths = in_spite_of(Killed, search)
  assert deaths == 16
  assert contents(storage, 'toy') == whole


def test_a_trial_that_kills_its_only_process_is_given_up(monkeypatch):
  evil = []  # as one that is killed for memory, every time

  def evaluate(vector, number, report):
    if number >= 3 and not evil:
      evil.append(number)
    if number in evil:
      raise Killed
    return quality_of(vector)

  monkeypatch.setattr('mobilenet_jax.search.trials._let_go', lambda *_: None)
  search = small_search('random', 12, evaluate)
  storage, deaths = in_spite_of(Killed, search)
  assert deaths == 5
  (given_up,) = [t for t in trials(storage) if t.state == TrialState.FAIL]
  assert [given_up.number] == evil
  assert given_up.user_attrs['error'] == '5 processes died'
  account = studies.account(storage, 'toy')
  known = account.pop('known')
  assert account == {
    'whole': 11, 'pruned': 0, 'failed': 1, 'surplus': 0, 'lost': 5,
  }  # fmt: skip
  assert known + 12 == len(trials(storage))
  assert in_words({**account, 'known': 1}) == (
    '12 networks evaluated (11 to the end, 0 pruned, 1 failed), 1 proposal of '
    'known ones, 0 trials beyond the budget left out, 5 trials begun again '
    'after a process died'
  )


@pytest.mark.parametrize('policy', POLICIES)
def test_half_a_proposal_is_completed_alike(policy, monkeypatch):
  """A process that dies between two parameters of a trial."""
  whole = contents(in_memory(small_search(policy, 12)), 'toy')
  suggest, calls = optuna.trial.Trial.suggest_categorical, []

  def broken(self, name, choices):
    calls.append(name)
    if len(calls) % 4 == 2:  # three decisions, then a second try at them
      raise Killed
    return suggest(self, name, choices)

  monkeypatch.setattr(optuna.trial.Trial, 'suggest_categorical', broken)
  monkeypatch.setattr('mobilenet_jax.search.trials._let_go', lambda *_: None)
  storage, _ = in_spite_of(Killed, small_search(policy, 12))
  assert contents(storage, 'toy') == whole


def test_a_known_network_is_not_evaluated_again():
  evaluated = []

  def evaluate(vector, number, report):
    evaluated.append(vector)
    return quality_of(vector)

  storage = in_memory(small_search('evolution', 40, evaluate))
  assert len(evaluated) == len(set(evaluated)) == 40
  twins = [t for t in trials(storage) if 'duplicate_of' in t.user_attrs]
  assert twins
  for twin in twins:
    first = trials(storage)[twin.user_attrs['duplicate_of']]
    assert (twin.params, twin.values) == (first.params, first.values)
    assert twin.user_attrs['accuracy'] == first.user_attrs['accuracy']
    assert 'duplicate_of' not in first.user_attrs


def test_a_search_ends_though_there_are_fewer_networks_than_trials():
  ended = trials(in_memory(small_search('random', 65)))
  assert len(ended) == 4 * 65
  assert 50 < sum(map(is_evaluated, ended)) <= 64


def test_what_a_trial_keeps():
  (trial,) = trials(in_memory(small_search('random', 1), worker='me'))
  assert set(trial.params) == {'width0', 'width1', 'width2'}
  vector = tuple(trial.params.values())
  known = trial.user_attrs
  assert known['accuracy'] == small_quality(vector)
  assert known['latency_ms'] == small_price(vector)
  assert known['worker'] == 'me'
  assert known['seconds'] >= 0
  reward = small_quality(vector) - 0.3 * abs(small_price(vector) / 2.0 - 1)
  assert trial.value == pytest.approx(reward)


def test_a_network_that_fails_is_accounted_for_and_does_not_end_a_search():
  def evaluate(vector, number, report):
    if number == 2:
      raise DivergedError('it has diverged')
    return quality_of(vector)

  ended = trials(in_memory(small_search('evolution', 8, evaluate)))
  assert [t.number for t in ended if t.state == TrialState.FAIL] == [2]
  assert ended[2].user_attrs['error'] == 'it has diverged'
  assert sum(map(is_evaluated, ended)) == 8


def test_pruning_stops_the_poor_and_is_the_same_when_resumed():
  def evaluate(vector, number, report):
    for step in range(1, 5):
      report(step, small_quality(vector) * step / 4)
      if (number, step) == deadly:
        raise Killed
    return quality_of(vector)

  deadly = None
  search = small_search('random', 20, evaluate, pruner='median')
  whole = in_memory(search)
  pruned = [t for t in trials(whole) if t.state == TrialState.PRUNED]
  assert 0 < len(pruned) < 15
  assert all(t.number >= 5 for t in pruned)
  assert all(t.value == t.intermediate_values[t.last_step] for t in pruned)
  survivor = next(
    t.number for t in trials(whole)[5:] if t.state == TrialState.COMPLETE
  )
  deadly = survivor, 3
  storage = joined(search)
  with pytest.raises(Killed):
    work(search, storage, 'toy')
  deadly = None
  work(search, storage, 'toy')
  assert contents(storage, 'toy') == contents(whole, 'toy')


def test_a_study_of_another_search_is_refused_with_both_values():
  storage = optuna.storages.InMemoryStorage()
  studies.join(storage, 'toy', {'config': {'seed': 0}}, 'here')
  studies.join(storage, 'toy', {'config': {'seed': 0}}, 'here')
  with pytest.raises(UserError) as caught:
    studies.join(storage, 'toy', {'config': {'seed': 1}}, 'here')
  assert str(caught.value) == (
    "Study 'toy' in here is of another search (there / now): config.seed: 0 / "
    '1; use another --workdir, whose name the study has.'
  )


def test_no_network_in_the_window_is_told_with_the_nearest():
  rows = studies.finished(
    in_memory(small_search('random', 10)), 'toy', small_space()
  )
  with pytest.raises(JobError, match=r'costs 9\.000 ms \+- 5% \(the nearest'):
    studies.best_within(rows, 9.0, 0.05)


# ---- several networks at once


@pytest.mark.parametrize('policy', POLICIES)
def test_groups_are_drawn_unseen_and_the_budget_is_exact(policy):
  """Of 14 in groups of four the last has two; a network is evaluated once."""
  sizes, seen = [], []

  def evaluate(vectors, numbers):
    sizes.append(len(vectors))
    seen.extend(vectors)
    ended = [t for t in trials(storage) if t.state.is_finished()]
    assert sum(map(is_evaluated, ended)) == sum(sizes[:-1])
    return [quality_of(vector) for vector in vectors]

  search = small_search(policy, 14, Together(4, evaluate))
  storage = joined(search)
  work(search, storage, 'toy')
  assert sizes == [4, 4, 4, 2]
  assert len(set(seen)) == 14
  for t in accounted(storage, 14):
    if 'duplicate_of' in t.user_attrs:
      first = trials(storage)[t.user_attrs['duplicate_of']]
      assert (t.params, t.values) == (first.params, first.values)


@pytest.mark.parametrize('policy', POLICIES)
def test_a_search_in_groups_ends_the_same_wherever_it_dies(policy, monkeypatch):
  """While it proposes, evaluates and tells, without a word to the storage."""
  from mobilenet_jax.search import trials as driver

  search = small_search(policy, 14, together(4))
  whole = contents(in_memory(search), 'toy')
  chance = np.random.default_rng(0)

  def dying(function):
    def sometimes(*arguments):
      if chance.random() < 0.2:
        raise Killed
      return function(*arguments)

    return sometimes

  for step in ('begun', 'settled', 'evaluate', 'tell', 'copy', 'release'):
    monkeypatch.setattr(driver, step, dying(getattr(driver, step)))
  monkeypatch.setattr(driver, '_let_go', lambda *_: None)
  monkeypatch.setattr('mobilenet_jax.search.heartbeat.MOST_LOSSES', 1000)
  storage, deaths = in_spite_of(Killed, search)
  assert deaths > 5
  assert contents(storage, 'toy') == whole


def test_one_of_a_group_may_fail():
  def evaluate(vectors, numbers):
    found = [quality_of(vector) for vector in vectors]
    if 2 in numbers:
      found[list(numbers).index(2)] = DivergedError('it has diverged')
    return found

  storage = in_memory(small_search('random', 6, Together(3, evaluate)))
  ended = trials(storage)
  assert [t.number for t in ended if t.state == TrialState.FAIL] == [2]
  assert ended[2].user_attrs['error'] == 'it has diverged'
  assert sum(map(is_evaluated, ended)) == 6


def test_the_front_of_two_objectives():
  """NSGA-II's study has accuracy and latency; what is found goes by reward."""
  search = small_search('nsga2', 40)
  storage = in_memory(search)
  study = optuna.load_study(study_name='toy', storage=storage)
  assert study.metric_names == ['accuracy', 'latency_ms']
  rows = studies.finished(storage, 'toy', small_space())
  judged = [Judged(r.vector, r.latency_ms, r.accuracy) for r in rows]
  own = {tuple(t.values) for t in study.best_trials}
  assert {(j.quality, j.ms) for j in front(judged)} == own
  assert len(own) > 4
  for row in rows:
    assert row.value == search.reward(row.accuracy, row.latency_ms)
  found = studies.best_within(rows, 2.0, 0.15)
  near = [r for r in rows if abs(r.latency_ms / 2.0 - 1) <= 0.15]
  assert found.value == max(r.value for r in near)


# ---- processes


def test_a_killed_process_ends_with_the_same_database(tmp_path):
  """SIGKILL at random moments of a single process on a file."""
  url = f'sqlite:///{tmp_path}/broken.db'
  rng, kills = np.random.default_rng(0), 0
  whole = contents(in_memory(small_search('evolution', 12)), 'toy')
  while True:
    worker = Worker(url, 'evolution', 12, 'main', 0.05)
    if kills < 5:
      for _ in range(int(rng.integers(1, 4))):
        worker.begins()
      time.sleep(float(rng.random()) * 0.3)
      worker.kill()
    else:
      worker.join()
    if worker.left():
      break
    kills += 1
  assert kills >= 2
  assert contents(open_storage(parse(url)), 'toy') == whole


def swarm(url, budget, kills, seed):
  """Four workers, some killed at random and replaced, until one leaves because
  the budget is met; returns how many were killed."""
  rng, killed, number, workers = np.random.default_rng(seed), 0, 0, []
  while not any(worker.left() for worker in workers):
    while len(workers) < 4:
      workers.append(Worker(url, 'evolution', budget, f'w{number}', 0.3))
      number += 1
    if killed < kills:
      victim = workers.pop(int(rng.integers(4)))
      victim.begins()
      time.sleep(float(rng.random()) * 0.3)
      victim.kill()
      killed += 1
    time.sleep(0.1)
  for worker in workers:
    worker.join()
  return killed


def accounted(storage, budget):
  """Checks that every trial has ended once, and none is missing."""
  ended = trials(storage)
  assert [t.number for t in ended] == list(range(len(ended)))
  assert all(t.state.is_finished() for t in ended)
  assert sum(map(is_evaluated, ended)) == budget
  for t in ended:
    if 'surplus' in t.user_attrs:
      continue
    assert t.state == TrialState.COMPLETE
    vector = tuple(t.params[tag] for tag in small_space().tags)
    assert t.user_attrs['accuracy'] == small_quality(vector)
  return ended


def test_four_workers_killed_at_random_lose_nothing(tmp_path):
  url = f'sqlite:///{tmp_path}/trials.db'
  killed = swarm(url, 14, kills=3, seed=0)
  assert killed == 3
  ended = accounted(open_storage(parse(url)), 14)
  lost = [name for t in ended for name in t.user_attrs.get('lost', [])]
  assert lost  # some were at work when they were killed
  assert len({t.user_attrs['worker'] for t in ended}) >= 3


def test_a_worker_that_is_killed_with_a_group_loses_none_of_it(tmp_path):
  """Each of its three trials is taken up by another worker."""
  url = f'sqlite:///{tmp_path}/trials.db'
  first = Worker(url, 'evolution', 10, 'first', 600.0, 3)
  assert first.begins()
  first.kill()
  others = [
    Worker(url, 'evolution', 10, name, 0.02, 3) for name in ('second', 'third')
  ]
  for worker in others:
    worker.join()
  ended = accounted(open_storage(parse(url)), 10)
  lost = [t.number for t in ended if 'lost' in t.user_attrs]
  assert lost == [0, 1, 2]
  assert all(ended[number].user_attrs['lost'][0] == 'first' for number in lost)
  assert {t.user_attrs['worker'] for t in ended} <= {'second', 'third'}


def test_a_trial_that_kills_its_workers_is_given_up(tmp_path):
  """After MOST_LOSSES it fails, with the reason, and the search goes on."""
  from mobilenet_jax.search.heartbeat import return_lost

  storage = open_storage(parse(f'sqlite:///{tmp_path}/t.db'), heartbeat_s=1)
  studies.join(storage, 'toy', {}, 'here')
  study = optuna.load_study(study_name='toy', storage=storage)
  with pytest.warns(UserWarning, match='Heartbeat'):
    study.ask()
  key = storage.get_trial_id_from_study_id_trial_number(study._study_id, 0)
  storage.set_trial_user_attr(key, 'lost', ['w'] * MOST_LOSSES)
  storage.record_heartbeat(key)
  deadline = time.monotonic() + 20
  while not study.trials[0].state.is_finished():
    assert time.monotonic() < deadline
    return_lost(study, storage)
    time.sleep(0.3)
  assert study.trials[0].state == TrialState.FAIL
  assert study.trials[0].user_attrs['error'] == '5 processes died'
