"""A difference of accuracies beside what chance explains."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from mobilenet_jax.report.noise import difference


def test_the_interval_is_that_of_students_test():
  own, others = [0.85, 0.86, 0.88], [0.80, 0.83, 0.84, 0.79]
  found = difference(own, others)
  interval = ttest_ind(own, others).confidence_interval(0.95)
  assert found.mean == pytest.approx(0.04833, abs=1e-5)
  assert found.mean - found.margin == pytest.approx(interval.low)
  assert found.mean + found.margin == pytest.approx(interval.high)
  assert found.certain


def test_one_training_is_held_against_the_spread_of_the_others():
  near = difference([0.86], [0.80, 0.83, 0.85])
  assert not near.certain  # 4.3 deviations of 2.5 points, and a bit
  assert near.margin == pytest.approx(4.3027 * 0.025166 * np.sqrt(4 / 3), 1e-3)
  assert difference([0.99], [0.80, 0.83, 0.85]).certain


def test_one_training_each_says_nothing_about_chance():
  found = difference([0.9], [0.5])
  assert (found.margin, found.certain) == (None, False)
