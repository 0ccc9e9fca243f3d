"""AutoAugment, RandAugment and colour jitter against torchvision's values."""

import collections

import numpy as np
import pytest
from PIL import Image

from mobilenet_jax.data.augment import Augmentation, operations, policies
from mobilenet_jax.data.augment import jitter as jitter_lib
from mobilenet_jax.data.augment.jitter import jitter, turn_hue
from mobilenet_jax.data.augment.single import varied

AT = ((0, 0, 0), (11, 17, 1), (25, 50, 2))


def generator(seed):
  return np.random.Generator(np.random.Philox(seed))


def picture(height=40, width=60):
  """A picture by a formula."""
  y, x = np.mgrid[:height, :width]
  values = (x * x + 3 * y, 7 * x + y * y, x * y)
  return Image.fromarray((np.stack(values, -1) % 256).astype(np.uint8))


GOLDEN = [
  # name, negative, three values, mean; made with torchvision 0.28.0's
  # AutoAugment and Pillow 13.0.0 at magnitude 8 of 9, what is outside 128
  ('identity', False, (0, 240, 226), 120.4878),
  ('autocontrast', False, (0, 240, 226), 120.4878),
  ('equalize', False, (0, 251, 244), 132.4078),
  ('invert', False, (255, 15, 29), 134.5122),
  ('posterize', False, (0, 240, 224), 113.3978),
  ('posterize', True, (0, 240, 224), 113.3978),
  ('solarize', False, (0, 15, 29), 104.3531),
  ('solarize', True, (0, 15, 29), 104.3531),
  ('brightness', False, (0, 255, 255), 176.3976),
  ('brightness', True, (0, 48, 45), 23.7054),
  ('color', False, (0, 255, 255), 119.2622),
  ('color', True, (0, 193, 166), 122.3924),
  ('contrast', False, (0, 255, 255), 120.1226),
  ('contrast', True, (98, 146, 143), 122.0851),
  ('sharpness', False, (0, 255, 255), 120.6172),
  ('sharpness', True, (0, 192, 194), 120.1904),
  ('rotate', False, (128, 190, 250), 122.9531),
  ('rotate', True, (128, 173, 238), 125.9789),
  ('shear_x', False, (0, 5, 145), 123.2840),
  ('shear_x', True, (0, 219, 51), 120.3678),
  ('shear_y', False, (0, 119, 108), 122.9253),
  ('shear_y', True, (0, 155, 88), 120.5819),
  ('translate_x', False, (64, 152, 128), 126.9078),
  ('translate_x', True, (128, 128, 138), 121.9478),
  ('translate_y', False, (48, 80, 128), 126.5256),
  ('translate_y', True, (128, 128, 194), 121.0500),
]


@pytest.mark.parametrize(('name', 'negative', 'values', 'mean'), GOLDEN)
def test_operations_are_torchvisions(name, negative, values, mean):
  found = np.asarray(operations.apply(picture(), name, 8 / 9, negative))
  assert found.mean() == pytest.approx(mean, abs=0.03)  # factors are float32
  assert [int(found[at]) for at in AT] == pytest.approx(values, abs=1)


def test_every_operation_has_a_golden_value():
  assert {row[0] for row in GOLDEN} == set(operations.OPERATIONS)


@pytest.mark.parametrize(
  'name',
  [
    'rotate', 'posterize', 'solarize', 'color', 'contrast', 'brightness',
    'sharpness', 'shear_x', 'shear_y', 'translate_x', 'translate_y',
  ],
)  # fmt: skip
def test_the_weakest_changes_next_to_nothing(name):
  found = np.asarray(operations.apply(picture(), name, 0.0))
  before = np.asarray(picture())
  changed = found != before
  assert not changed[before < 255].any()  # 255 is solarized at any strength


def record(monkeypatch):
  """Collects what is applied instead of applying it."""
  seen = []

  def apply(image, name, strength, negative):
    seen.append((name, strength, negative))
    return image

  monkeypatch.setattr(policies, 'apply', apply)
  return seen


def test_autoaugment_applies_its_table_as_often_as_it_says(monkeypatch):
  seen, rng, draws = record(monkeypatch), generator(0), 8000
  for _ in range(draws):
    policies.autoaugment(picture(2, 2), rng)
  wanted = collections.Counter()
  for sub_policy in policies.IMAGENET_POLICY:
    for name, probability, magnitude in sub_policy:
      wanted[name, magnitude / 9] += draws * probability / 25
  found = collections.Counter((name, strength) for name, strength, _ in seen)
  assert set(found) == {key for key, count in wanted.items() if count}
  for key, count in wanted.items():
    assert found[key] == pytest.approx(count, abs=5 * np.sqrt(count) + 1)
  negative = np.mean([sign for *_, sign in seen])
  assert negative == pytest.approx(0.5, abs=0.03)


def test_the_table_is_the_papers():
  """25 pairs, as compared with torchvision's and timm's once."""
  steps = [s for pair in policies.IMAGENET_POLICY for s in pair]
  assert len(policies.IMAGENET_POLICY) == 25
  assert len(set(policies.IMAGENET_POLICY)) == 20
  assert sum(p for _, p, _ in steps) == pytest.approx(31.0)
  assert sum(p * m for _, p, m in steps) == pytest.approx(185.6)
  names = collections.Counter(name for name, *_ in steps)
  assert names['equalize'] == 17
  assert set(names) <= set(operations.OPERATIONS)


def test_randaugment_takes_n_of_fourteen_alike(monkeypatch):
  seen, rng, draws = record(monkeypatch), generator(0), 3000
  for _ in range(draws):
    policies.randaugment(picture(2, 2), rng, 3, 9)
  assert len(seen) == 3 * draws
  assert {strength for _, strength, _ in seen} == {0.9}
  found = collections.Counter(name for name, *_ in seen)
  assert set(found) == set(policies.RANDAUGMENT)
  assert len(found) == 14
  expected = 3 * draws / 14
  for count in found.values():
    assert count == pytest.approx(expected, abs=5 * np.sqrt(expected))


def test_randaugments_magnitude_may_vary(monkeypatch):
  seen, rng = record(monkeypatch), generator(0)
  for _ in range(2000):
    policies.randaugment(picture(2, 2), rng, 1, 6, 0.5)
  strengths = [strength for _, strength, _ in seen]
  assert np.mean(strengths) == pytest.approx(0.6, abs=0.006)
  assert np.std(strengths) == pytest.approx(0.05, abs=0.006)
  seen.clear()
  for _ in range(200):
    policies.randaugment(picture(2, 2), rng, 1, 9, 5.0)
  strengths = [strength for _, strength, _ in seen]
  assert (min(strengths) >= 0, max(strengths)) == (True, 1.0)


def test_randaugments_operations_may_be_left_out(monkeypatch):
  seen, rng, draws = record(monkeypatch), generator(0), 2000
  for _ in range(draws):
    policies.randaugment(picture(2, 2), rng, 2, 9, 0.0, 0.3)
  assert len(seen) == pytest.approx(0.3 * 2 * draws, rel=0.1)


@pytest.mark.parametrize('policy', ['autoaugment', 'randaugment'])
def test_policies_repeat_with_their_generator(policy):
  plan = Augmentation(policy=policy)
  results = [
    varied(picture(32, 32), plan, 32, generator(seed)).tobytes()
    for seed in (*range(12), *range(12))
  ]
  assert results[:12] == results[12:]
  assert len(set(results[:12])) > 6


@pytest.mark.parametrize(
  ('turn', 'pixel', 'mean'),
  [  # torchvision 0.28.0's adjust_hue
    (0.2, (67, 87, 240), 120.9397), (-0.37, (240, 148, 67), 120.4475),
    (0.5, (240, 67, 124), 121.3010),
  ],
)  # fmt: skip
def test_hue_turns_as_torchvisions(turn, pixel, mean):
  found = np.asarray(turn_hue(picture(), turn))
  np.testing.assert_allclose(found[11, 17], pixel, atol=1)
  assert found.mean() == pytest.approx(mean, abs=0.02)


def blended(pixels, toward, factor):
  """Pixels pulled towards others, or pushed away from them."""
  return np.clip(toward + (pixels - toward) * factor, 0, 255)


@pytest.mark.parametrize(
  ('what', 'toward'),
  [
    ('brightness', lambda x, grey: 0 * x),
    ('contrast', lambda x, grey: 0 * x + np.round(grey.mean())),
    ('saturation', lambda x, grey: grey[..., None] + 0 * x),
  ],
)
def test_jitter_is_uniform_about_one(what, toward):
  pixels = np.asarray(picture(), np.float64)
  grey = np.round(pixels @ (0.299, 0.587, 0.114))
  end = toward(pixels, grey)
  far = np.abs(pixels - end) > 40
  factors = []
  for seed in range(150):
    found = np.asarray(jitter(picture(), generator(seed), **{what: 0.4}))
    inside = far & (found > 0) & (found < 255)
    ratios = (found - end) / np.where(far, pixels - end, 1)
    factor = np.median(ratios[inside])
    np.testing.assert_allclose(found, blended(pixels, end, factor), atol=3)
    factors.append(factor)
  assert min(factors) >= 0.59
  assert max(factors) <= 1.41
  assert np.mean(factors) == pytest.approx(1, abs=4 * 0.231 / np.sqrt(150))
  assert np.std(factors) == pytest.approx(0.231, abs=0.04)


def test_jitter_takes_all_orders(monkeypatch):
  seen = []

  def enhancer(name):
    class Fake:
      def __init__(self, image):
        self.image = image

      def enhance(self, factor):
        seen.append((name, factor))
        return self.image

    return Fake

  def fake_hue(image, turn):
    seen.append(('hue', turn))
    return image

  names = ('brightness', 'contrast', 'saturation')
  monkeypatch.setattr(jitter_lib, '_ENHANCERS', tuple(map(enhancer, names)))
  monkeypatch.setattr(jitter_lib, 'turn_hue', fake_hue)
  orders = set()
  for seed in range(300):
    seen.clear()
    jitter(picture(2, 2), generator(seed), 0.1, 0.2, 0.3, 0.4)
    orders.add(tuple(name for name, _ in seen))
    for (name, width), middle in zip(
      (('brightness', 0.1), ('contrast', 0.2), ('saturation', 0.3),
       ('hue', 0.4)), (1, 1, 1, 0), strict=True,
    ):  # fmt: skip
      assert abs(dict(seen)[name] - middle) <= width
  assert len(orders) == 24


def test_jitter_of_nothing_changes_nothing():
  unchanged = np.asarray(jitter(picture(), generator(1)))
  np.testing.assert_array_equal(unchanged, np.asarray(picture()))
