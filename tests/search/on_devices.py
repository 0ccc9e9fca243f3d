"""Steps of a search on all devices of a process, against the same by hand:
python -m tests.search.on_devices; prints what it found as JSON."""

import json

import jax
import jax.numpy as jnp
import numpy as np

from mobilenet_jax.core.cache import use_compilation_cache
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.search import controller, differentiable, oneshot, rewards
from mobilenet_jax.search.replicas import make_replicas
from mobilenet_jax.space.reach import reach_tensor
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.train.state import seed_key, take_step
from tests.search.toy import FUNCTIONS, RULE, SETTINGS, SPACE, TENSORS, step_of
from tests.search.toy import batches as toy_batches

STEPS = 5  # the controller starts with the fourth


def rows(part, device, count):
  return {k: np.split(v, count)[device] for k, v in part.items()}


def by_hand(batches, count):
  """The search with a loop over devices: (state, networks of each step)."""
  network = SuperNetwork(SPACE.spec)
  arrays = PriceArrays.of(TENSORS, len(SPACE.tags))
  reach = jnp.asarray(reach_tensor(SPACE))
  score = jax.jit(oneshot.scorer(SPACE, FUNCTIONS['quality']))

  @jax.jit
  def gradient(params, batch, choice):
    def loss(params):
      out = network.apply({'params': params}, batch['image'], choice)
      return FUNCTIONS['loss'](out, batch['label'])

    return jax.grad(loss)(params)

  take = jax.jit(lambda state, grads: take_step(state, RULE, grads, {}))
  update = jax.jit(controller.update)
  mixed = jax.jit(
    lambda vector, warm: oneshot.soft_choice(SPACE, vector, *warm)
  )
  state, drawn = oneshot.initial_state(SPACE, RULE, 0), []
  for i, batch in enumerate(batches):
    odds = min(1.0, 2 * (1 - i / 3))  # 3 of 10 steps, half of them held
    grads, vectors, choices = [], [], []
    for d in range(count):
      keys = [
        jax.random.fold_in(seed_key(SETTINGS.seed, i, stream), d)
        for stream in (oneshot.TRAIN_ARCH, oneshot.WARM_UP)
      ]
      vector = controller.sample(state.controller.logits, keys[0])
      warm = jax.random.uniform(keys[1], (2,)) < odds
      choice = mixed(vector, warm)
      part = rows(batch['train'], d, count)
      grads.append(gradient(state.weights.params, part, choice))
      vectors.append(vector.tolist())
    drawn.append(vectors)
    mean = jax.tree.map(lambda *g: sum(g) / count, *grads)
    weights = take(state.weights, mean)
    moved = state.controller
    if i >= 3:
      qualities = []
      for d in range(count):
        key = jax.random.fold_in(
          seed_key(SETTINGS.seed, i, oneshot.SCORE_ARCH), d
        )
        for k in jax.random.split(key, SETTINGS.samples):
          choices.append(controller.sample(moved.logits, k))
          part = rows(batch['held_out'], d, count)
          qualities.append(score(weights.params, choices[-1], part))
      found = jnp.stack(choices)
      gains = rewards.absolute(
        jnp.stack(qualities), arrays.price(found), SETTINGS.target_ms,
        SETTINGS.beta,
      )  # fmt: skip
      rate = 0.01 * 10 ** ((i - 3) / 7)
      moved = update(moved, found, gains, reach, rate)
    state = oneshot.SearchState(weights, moved)
  return state, drawn


def differs(a, b):
  """The largest difference of two trees, over their largest number."""
  pairs = list(zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
  most = max(np.abs(np.asarray(y)).max() for _, y in pairs)
  return float(
    max(np.abs(np.asarray(x) - np.asarray(y)).max() for x, y in pairs) / most
  )


def copies_agree(tree):
  """Whether every device holds the same numbers."""
  return all(
    np.array_equal(np.asarray(shard.data), np.asarray(x))
    for x in jax.tree.leaves(tree)
    for shard in x.addressable_shards
  )


def run(replicas, step, state, batches):
  state = replicas.layout.place_state(state)
  for batch in batches:
    state, metrics = step(state, replicas.layout.place_batch(batch))
  return state, metrics


def differentiable_case(replicas, batches):
  settings = differentiable.Settings(
    steps=10, targets_ms=(0.008,), penalty='absolute', weight=1.0, exponent=1.0,
    learning_rate=0.01, warm_up=0.1, temperature=(5.0, 0.5), seed=0,
  )  # fmt: skip
  step = differentiable.search_step(
    SPACE, (TENSORS,), RULE, settings, replicas=replicas, **FUNCTIONS
  )
  state = differentiable.initial_state(SPACE, RULE, 0)
  return run(replicas, step, state, batches)[0]


def main():
  """Prints what is asserted of it."""
  use_compilation_cache()
  count = jax.local_device_count()
  batches = toy_batches(STEPS)
  replicas = make_replicas(8, 16)
  state, metrics = run(
    replicas,
    step_of(replicas=replicas),
    oneshot.initial_state(SPACE, RULE, 0),
    batches,
  )
  wanted, drawn = by_hand(batches, count)
  soft = differentiable_case(replicas, batches[:3])
  try:
    make_replicas(8, 18)
    refused = ''
  except UserError as error:
    refused = str(error)
  start = oneshot.initial_state(SPACE, RULE, 0)
  print(
    json.dumps(
      {
        'devices': count,
        'networks': [len({tuple(v) for v in step}) for step in drawn],
        'weights': differs(state.weights.params, wanted.weights.params),
        'moved': differs(start.weights.params, wanted.weights.params),
        'logits': differs(state.controller.logits, wanted.controller.logits),
        'logit': float(jnp.abs(wanted.controller.logits).max()),
        'baseline': differs(state.controller.ema, wanted.controller.ema),
        'copies': copies_agree((state, metrics)),
        'soft_copies': copies_agree(soft),
        'soft_logit': float(jnp.abs(soft.architecture.logits).max()),
        'refused': refused,
      }
    )
  )


if __name__ == '__main__':
  main()
