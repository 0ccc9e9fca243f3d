"""A teacher in the compiled step: what it sees, says and does not change."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import Inputs, from_string
from mobilenet_jax.arch.inputs import IMAGENET
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.preprocess import normalize
from mobilenet_jax.models.builder import build
from mobilenet_jax.tasks import classification
from mobilenet_jax.tasks.diagnosis import explain
from mobilenet_jax.tasks.distillation import (
  PROJECTION,
  Teacher,
  convert_images,
  logits_of,
)
from mobilenet_jax.tasks.features import features
from mobilenet_jax.train.distilling import feature_loss, soft_label_loss
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state
from tests.train.toy import same, settings

RULE = optimizer(settings(schedule='constant', clip_norm=0, warmup=0.0), 10)
STUDENT = from_string(
  'small@16 conv_k3_s2_c8_re ir_k3_s2_e2_c8_hs pool dense_c4_li'
)
TEACHER = from_string(
  'large@24 conv_k3_s2_c12_re ir_k3_s2_e3_c16_hs pool dense_c4_li'
).replace(inputs=IMAGENET)
FEATURES = {
  'features': 2.0, 'student_endpoint': 'stride4', 'teacher_endpoint': 'stride4',
}  # fmt: skip


def batch_of(n=8, seed=0, *, mixed=False):
  rng = np.random.default_rng(seed)
  shares = rng.dirichlet(np.ones(4), n).astype(np.float32)
  return {
    'image': rng.normal(size=(n, 16, 16, 3)).astype(np.float32),
    'label': shares if mixed else rng.integers(0, 4, n),
  }


@functools.cache
def taught():
  return classification.init_variables(build(TEACHER), 1)


def predict(spec):
  return classification.predict_fn(build(spec))


def teacher_of(**values):
  return Teacher(taught(), build(TEACHER), **values)


def state_of(teacher=None, *, ema=False):
  variables = classification.init_variables(build(STUDENT), 0)
  projection = teacher.projection(STUDENT, 0) if teacher else None
  if projection is not None:
    params = {**variables['params'], PROJECTION: projection}
    variables = {**variables, 'params': params}
  return create_state(variables, RULE, ema=ema)


@functools.cache
def step_of(accumulate=1, ema=0.0, **options):
  return classification.train_step(
    build(STUDENT, **options), RULE, smoothing=0.1, seed=0,
    accumulate=accumulate, ema=ema,
  )  # fmt: skip


@pytest.mark.parametrize('channels', [1, 3, 4])
def test_a_teacher_sees_what_its_own_preprocessing_makes(channels):
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (2, 16, 16, channels), np.uint8)
  odd = Inputs(mean=(0.1, 0.2, 0.3), std=(0.3, 0.2, 0.1))
  for ours in (STUDENT, STUDENT.replace(inputs=odd)):
    theirs = ours.replace(inputs=IMAGENET)
    got = convert_images(normalize(pixels, ours.inputs), ours, theirs)
    expected = normalize(pixels, theirs.inputs)
    np.testing.assert_allclose(got, expected, atol=3e-6)
  images = normalize(pixels, STUDENT.inputs)
  assert convert_images(images, STUDENT, STUDENT) is images


def test_another_resolution_is_a_bilinear_resize_of_its_own_numbers():
  images = jnp.asarray(batch_of()['image'])
  got = convert_images(images, STUDENT, TEACHER)
  mean, std = (np.asarray(x) for x in (IMAGENET.mean, IMAGENET.std))
  own = ((images * 0.5 + 0.5) - mean) / std
  expected = jax.image.resize(own, (8, 24, 24, 3), 'bilinear')
  np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize('mixed', [False, True])
def test_the_loss_is_the_sum_of_its_parts(mixed):
  teacher = teacher_of(soft=0.3, temperature=4.0, **FEATURES)
  state, batch = state_of(teacher), batch_of(mixed=mixed)
  student = build(STUDENT)
  variables = {'params': state.params, **state.model_state}
  run = functools.partial(
    student.apply, train=True, taps=(1, 3), mutable=['batch_stats']
  )
  out, _ = jax.jit(run)(variables, batch['image'])
  seen = convert_images(batch['image'], STUDENT, TEACHER)
  theirs = predict(TEACHER)(taught(), seen)
  projection = state.params[PROJECTION]
  projected = out[1] @ projection['kernel'] + projection['bias']
  expected = (
    0.7 * classification.cross_entropy(out[3], batch['label'], 0.1)
    + 0.3 * soft_label_loss(out[3], theirs, 4.0)
    + 2.0
    * feature_loss(
      projected, features(build(TEACHER), taught(), seen, 'stride4')
    )
  )
  _, metrics = step_of()(state, batch, teacher)
  assert float(metrics['loss']) == pytest.approx(float(expected), rel=1e-5)


def test_what_has_no_weight_changes_no_bit():
  plain = none = state_of()
  for i in range(3):
    batch = batch_of(seed=i)
    plain, a = step_of()(jax.tree.map(jnp.copy, plain), batch)
    none, b = step_of()(jax.tree.map(jnp.copy, none), batch, teacher_of())
    same((plain, a), (none, b))


@pytest.mark.parametrize(
  'more', [{}, {'accumulate': 4}, {'remat': True}, {'ema': 0.5}]
)
def test_the_teacher_is_never_changed_and_all_else_is_trained(more):
  teacher = teacher_of(soft=0.5, temperature=2.0, **FEATURES)
  before = jax.tree.map(np.array, teacher.variables)
  state = state_of(teacher, ema='ema' in more)
  first = jax.tree.map(np.array, state.params)
  for i in range(3):
    state, _ = step_of(**more)(state, batch_of(seed=i), teacher)
  assert bool(state.finite)
  same(teacher.variables, before)
  moved = jax.tree.map(lambda a, b: np.any(a != b), state.params, first)
  assert all(jax.tree.leaves(moved))
  if more:
    return
  grads = jax.grad(
    lambda variables: classification.loss_fn(
      build(STUDENT), state.params, state.model_state, batch_of(),
      smoothing=0.1, keys=classification.step_keys(0, 0),
      teacher=teacher.replace(variables=variables),
    )[0]
  )(teacher.variables)  # fmt: skip
  assert not any(np.any(leaf) for leaf in jax.tree.leaves(grads))


def test_parts_of_a_batch_hear_the_same_teacher():
  plain = from_string('plain@16 conv_k3_s2_c8_re_nonorm pool dense_c4_li')
  variables = classification.init_variables(build(plain), 0)
  teacher, found = teacher_of(soft=0.5, temperature=2.0), []
  for count in (1, 4):
    step = classification.train_step(
      build(plain), RULE, smoothing=0.1, seed=0, accumulate=count
    )
    copied = jax.tree.map(jnp.copy, {'batch_stats': {}, **variables})
    found.append(step(create_state(copied, RULE), batch_of(), teacher))
  (whole, a), (parts, b) = found
  for x, y in zip(*map(jax.tree.leaves, (whole, parts)), strict=True):
    np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-6)
  assert float(a['loss']) == pytest.approx(float(b['loss']), rel=1e-5)


def test_a_student_comes_to_say_what_its_teacher_says():
  teacher = teacher_of(soft=1.0, temperature=1.0)
  # a teacher that has opinions
  head = {k: v * 8 for k, v in taught()['params']['block_03']['dense'].items()}
  params = {**taught()['params'], 'block_03': {'dense': head}}
  teacher = teacher.replace(variables={**taught(), 'params': params})
  state, batch = state_of(), batch_of(32)
  seen = convert_images(batch['image'], STUDENT, TEACHER)
  target = jax.nn.softmax(predict(TEACHER)(teacher.variables, seen))
  run = functools.partial(
    build(STUDENT).apply, train=True, mutable=['batch_stats']
  )

  def apart(state):
    variables = {'params': state.params, **state.model_state}
    out, _ = jax.jit(run)(variables, batch['image'])
    return float(jnp.abs(jax.nn.softmax(out) - target).mean())

  before = apart(state)
  wrong = {**batch, 'label': (np.asarray(target).argmax(1) + 1) % 4}
  for _ in range(80):
    state, metrics = step_of()(state, wrong, teacher)
  assert apart(state) < 0.2 * before
  assert float(metrics['accuracy']) < 0.2  # of the labels it hears nothing


def test_equal_channels_need_no_projection():
  teacher = teacher_of(**{**FEATURES, 'student_endpoint': 'stride2'})
  assert teacher.projection(STUDENT, 0)['kernel'].shape == (8, 16)
  alike = STUDENT.replace(name='alike')
  own = Teacher(taught(), build(alike), **FEATURES)
  assert own.projection(STUDENT, 0) is None
  assert teacher_of(soft=0.5).projection(STUDENT, 0) is None


def test_a_background_class_is_left_out_where_the_student_has_none():
  spec = from_string('bg@16 conv_k3_s2_c8_re pool dense_c5_li')
  network = build(spec.replace(background=True))
  variables = classification.init_variables(network, 0)
  teacher = Teacher(variables, network, soft=1.0)
  teacher.check(STUDENT)
  images = batch_of()['image']
  logits = jnp.asarray(np.random.default_rng(2).normal(size=(8, 4)))
  found = teacher.loss(jnp.zeros(()), STUDENT, {}, logits, images)
  expected = soft_label_loss(logits, network.apply(variables, images)[:, 1:])
  assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_logits_are_the_last_of_what_was_tapped():
  network, images = build(STUDENT), batch_of()['image']
  variables = classification.init_variables(network, 0)
  run = functools.partial(network.apply, taps=(0, 3))
  tapped = jax.jit(run)(variables, images)
  logits = predict(STUDENT)(variables, images)
  np.testing.assert_allclose(logits_of(tapped, STUDENT), logits, atol=1e-6)
  assert logits_of(logits, STUDENT) is logits


@pytest.mark.parametrize(
  ('student', 'values', 'says'),
  [
    (
      'x@16 conv_k3_s2_c8_re pool dense_c7_li', {},
      'The teacher large has 4 classes, its student x has 7; they must be',
    ),
    (
      'x@16 conv_k3_s2_c8_re pool dense_c4_li', FEATURES,
      "x has no endpoint 'stride4'",
    ),
    (
      'x@16 conv_k3_s2_c8_re pool dense_c4_li',
      {**FEATURES, 'teacher_endpoint': 'stride3'},
      "large has no endpoint 'stride3'",
    ),
  ],
)  # fmt: skip
def test_who_cannot_learn_from_a_teacher(student, values, says):
  with pytest.raises(UserError, match=says):
    teacher_of(**values).check(from_string(student))


def test_grey_students_have_colourless_teachers():
  with pytest.raises(UserError, match='has 3 input channels, its student'):
    teacher_of().check(STUDENT.replace(in_channels=1))


def test_a_teacher_that_goes_bad_is_named():
  broken = jax.tree.map(lambda x: x * jnp.nan, taught())
  teacher = teacher_of(soft=0.5).replace(variables=broken)
  state, metrics = step_of()(state_of(), batch_of(), teacher)
  assert not np.isfinite(metrics['loss'])
  told = explain(
    build(STUDENT), state, batch_of(), smoothing=0.1, seed=0, teacher=teacher
  )
  assert told.startswith("The first layer that went bad is the teacher's block")
