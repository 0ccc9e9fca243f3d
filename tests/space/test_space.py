"""The codec of a space, and what its decisions reach."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilenet_jax.arch import (
  ArchSpec,
  Conv,
  Dense,
  InvertedResidual,
  Pool,
  check,
  count,
  one_of,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch
from mobilenet_jax.search import controller
from mobilenet_jax.space import SearchSpace, get_space, list_spaces
from mobilenet_jax.space.reach import reach_tensor
from mobilenet_jax.space.roles import filter_tags
from tests.space.own import every_vector, random_space

SEEDS = st.integers(0, 10_000)
SIZES = {  # of the papers, and of their tool
  'proxylessnas': 1e21,
  'proxylessnas_enlarged': 1e28,
  'mobilenet_v3_like': 1e43,
}


@pytest.fixture(params=list_spaces())
def space(request):
  return get_space(request.param, 64, 10)


def reached(reach, vector):
  """Of a choice vector, by the definition and not by the controller."""
  passes = reach[..., np.arange(len(vector)), np.asarray(vector, int)]
  return passes.all(-1).any(0)


def test_samples_decode_to_networks(space):
  rng = np.random.default_rng(0)
  assert space.size == math.prod(space.decisions.values())
  for _ in range(20):
    vector = space.sample(rng)
    check(space.decode(vector))
    assert space.vector(space.choice(vector)) == vector


def test_the_same_seed_draws_the_same_networks(space):
  draws = [
    [space.sample(np.random.default_rng(s)) for _ in range(3)] for s in (1, 1)
  ]
  assert draws[0] == draws[1]


@pytest.mark.parametrize('name', SIZES)
def test_sizes_are_those_published(name):
  assert 0.5 < get_space(name, None, 1000).size / SIZES[name] < 3


def test_sizes_by_hand():
  sizes = {name: get_space(name, None, 10).size for name in list_spaces()}
  assert sizes['v3_tiny'] == 512
  assert sizes['fbnet'] == 6**6 * 7**16
  assert sizes['ofa_mobilenet_v3'] == 9**20 * 3**5 * 25
  wide = 4 * 4 * 6 * 7**5
  assert sizes['mobilenet_v3_like'] == 2 * 3 * 2 * 36**20 * 2**15 * wide
  like = sizes['mobilenet_v3_like']
  assert sizes['mobilenet_v3_like_extended'] == 5 * 2**5 * like
  assert sizes['mnasnet'] == (4 * 2 * 2 * 2) ** 7 * 2**4 * 3**10
  assert sizes['mobilenet_v4'] == 3**4 * 2 * 8 * 11 * 18**3 * 27**18


def test_the_networks_of_the_papers_are_in_their_spaces():
  alike = {'norm_epsilon': 1e-3, 'padding': 'same'}
  found = get_arch('fbnet_c', resolution=224).replace(**alike)
  fbnet = get_space('fbnet', None, 1000)
  made = fbnet.decode(fbnet.encode(found))
  assert made.blocks == found.blocks
  assert count(made).params == 5_572_200
  assert count(made).macs == 384_960_160
  found = get_arch('mobilenet_v4_conv_medium').replace(**alike)
  made = get_space('mobilenet_v4', None, 1000)
  made = made.decode(made.encode(found))
  assert made.blocks == found.blocks
  assert count(made).params == 9_715_512


def test_proxylessnas_mobile_is_in_its_space():
  """22 operations of the authors' tool: 3 kernels of expansion 3, then of 6,
  then none; its parameters are those of the published network."""
  ops = (1, 0, 6, 6, 2, 0, 1, 1, 5, 1, 1, 1, 4, 1, 1, 1, 5, 5, 2, 2, 5)
  space = get_space('proxylessnas', None, 1000)
  choice = dict.fromkeys(space.tags, 0)
  places = [tag.rpartition('/')[0] for tag in space.tags if '/expand' in tag]
  for here, op in zip(places, ops, strict=True):
    if op == 6:
      choice[f'{here}/keep'] = 1
    else:
      choice[f'{here}/expand'], choice[f'{here}/kernel'] = divmod(op, 3)
  made = space.decode(space.vector(choice))
  assert count(made).params == 4_080_512
  assert count(made) == count(get_arch('proxylessnas_mobile'))


def differs_where_reached(space, vector, reach):
  network = space.decode(vector)
  matters = reached(reach, vector)
  for d, size in enumerate(space.decisions.values()):
    others = [(*vector[:d], c, *vector[d + 1 :]) for c in range(size)]
    others.remove(tuple(vector))
    differs = any(space.decode(other) != network for other in others)
    assert differs == matters[d], (space.tags[d], vector)
  return matters


def test_an_unreachable_decision_changes_nothing_and_a_reachable_one_does(
  space,
):
  reach = reach_tensor(space)
  rng = np.random.default_rng(0)
  some = [
    differs_where_reached(space, space.sample(rng), reach) for _ in range(8)
  ]
  assert space.spec.name == 'fbnet' or not np.all(some)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_reach_in_random_spaces(seed):
  space = random_space(seed)
  reach = reach_tensor(space)
  rng = np.random.default_rng(seed)
  for _ in range(10):
    vector = space.sample(rng)
    matters = differs_where_reached(space, vector, reach)
    traced = jax.jit(controller.reachable)(reach, jnp.asarray(vector))
    assert np.asarray(traced).tolist() == matters.tolist()


def test_probabilities_of_reached_decisions_sum_to_one():
  """Each way of deciding what matters counts once, in slots within depths."""
  for seed in range(20):
    space = random_space(seed)
    reach = reach_tensor(space)
    sizes = list(space.decisions.values())
    rng = np.random.default_rng(seed)
    logits = np.where(
      np.arange(max(sizes)) < np.array(sizes)[:, None],
      rng.normal(size=(len(sizes), max(sizes))),
      -np.inf,
    )
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    seen = {}
    for vector in every_vector(space):
      matters = reached(reach, vector)
      odds = chances[np.arange(len(sizes)), vector]
      decided = tuple(np.where(matters, vector, -1))
      seen[decided] = math.prod(odds[matters])
    assert sum(seen.values()) == pytest.approx(1), seed
    if seed < 3:
      found = controller.log_probability(
        jnp.asarray(logits), jnp.asarray(vector), jnp.asarray(reach)
      )
      assert math.exp(found) == pytest.approx(seen[decided], rel=1e-5)


def test_encoding_turns_decoding_round(space):
  reach = reach_tensor(space)
  rng = np.random.default_rng(3)
  for _ in range(30):
    vector = space.sample(rng)
    network = space.decode(vector)
    canonical = space.canonical(vector)
    assert space.encode(network.replace(name='other')) == canonical
    assert space.decode(canonical) == network
    assert space.canonical(canonical) == canonical
    idle = ~reached(reach, canonical)
    assert not np.asarray(canonical)[idle].any()


@settings(max_examples=12, deadline=None)
@given(SEEDS)
def test_one_vector_stands_for_all_that_make_a_network(seed):
  space = random_space(seed)
  by_network = {}
  for vector in every_vector(space):
    network = space.decode(vector)
    canonical = by_network.setdefault(network, space.canonical(vector))
    assert space.canonical(vector) == canonical == space.encode(network)
    assert space.decode(canonical) == network
  assert len(set(by_network.values())) == len(by_network)


def test_a_network_of_elsewhere_is_not_encoded():
  space = get_space('v3_tiny', 32, 10)
  network = space.decode([0] * len(space.tags), 'mine')
  blocks = list(network.blocks)
  blocks[2] = get_arch('mobilenet_v3_small').blocks[2]
  for other, says in (
    (network.replace(resolution=64), 'its resolution is 64'),
    (
      network.replace(padding='symmetric'),
      "padding is 'symmetric', not 'same'",
    ),
    (network.replace(blocks=tuple(blocks)), r'its block 2 \(ir\)'),
    (network.replace(blocks=network.blocks[:-1]), 'is no network of v3_tiny'),
  ):
    with pytest.raises(
      UserError, match=f'mine is no network of.*{says}|{says}'
    ):
      space.encode(other)


def test_many_like_blocks_take_no_time_to_encode():
  """Of 2^120 ways to leave half of 120 like blocks out the first is found,
  and of a network that is not there it is said soon."""
  inverted = {'kernel': 3, 'expand_ratio': 2, 'channels': 8}
  optional = [
    InvertedResidual(**inverted, keep=one_of(f'{i}/keep', True, False))
    for i in range(120)
  ]
  last = InvertedResidual(**{**inverted, 'kernel': one_of('kernel', 5, 7)})
  head = (last, Pool(), Dense(channels=10))
  blocks = (Conv(kernel=3, channels=8), *optional, *head)
  space = SearchSpace(ArchSpec(name='deep', resolution=8, blocks=blocks))
  rng = np.random.default_rng(0)
  vector = space.sample(rng)
  kept = 120 - sum(vector[:-1])
  expected = (*(i >= kept for i in range(120)), vector[-1])
  assert space.canonical(vector) == expected
  network = space.decode(vector, 'mine')
  middle = replace(network.blocks[-3], kernel=3)
  strange = network.replace(blocks=(*network.blocks[:-3], middle, *head[1:]))
  with pytest.raises(UserError, match=r'mine is no network of deep'):
    space.encode(strange)


def test_the_smallest_and_the_largest_bound_all():
  for seed in range(15):
    space = random_space(seed)
    macs = [count(space.decode(v)).macs for v in every_vector(space)]
    least, most = space.smallest(), space.largest()
    assert count(space.decode(least)).macs == min(macs)
    assert count(space.decode(most)).macs == max(macs)
    assert space.canonical(most) == most


def test_smallest_and_largest_of_every_space(space):
  ends = [
    count(space.decode(v)).macs for v in (space.smallest(), space.largest())
  ]
  rng = np.random.default_rng(0)
  for _ in range(20):
    assert ends[0] <= count(space.decode(space.sample(rng))).macs <= ends[1]
  sides = [
    space.decode(v).resolution for v in (space.smallest(), space.largest())
  ]
  assert sides == [min(space.resolutions), max(space.resolutions)]


def test_operations_are_no_widths():
  tags = filter_tags(get_space('mnasnet', 64, 10).spec)
  assert set(tags) == {f'stage{i}/width' for i in range(1, 8)}
  assert not filter_tags(get_space('fbnet', 64, 10).spec)


def test_unknown_space():
  with pytest.raises(UserError, match="Did you mean 'v3_tiny'"):
    get_space('v3_tinny', 32, 10)


def test_a_mutation_changes_something_and_a_crossing_takes_from_both(space):
  rng = np.random.default_rng(0)
  sizes = list(space.decisions.values())
  changed = []
  for _ in range(200):
    a, b = space.sample(rng), space.sample(rng)
    mutant = space.mutate(a, rng, 0.2)
    assert all(0 <= v < n for v, n in zip(mutant, sizes, strict=True))
    changed.append(sum(x != y for x, y in zip(a, mutant, strict=True)))
    child = space.cross(a, b, rng)
    assert all(c in (x, y) for c, x, y in zip(child, a, b, strict=True))
    least = space.mutate(a, rng, 0.0)
    assert sum(x != y for x, y in zip(a, least, strict=True)) == 1
  assert min(changed) >= 1
  assert np.mean(changed) == pytest.approx(0.2 * len(sizes), rel=0.3)
