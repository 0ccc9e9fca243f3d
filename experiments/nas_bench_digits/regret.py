"""How fast each policy closes in on the known optimum of the benchmark.

    python experiments/nas_bench_digits/regret.py [--policies random tpe ...]

Every policy searches 50 times with 60 evaluations each, by the package's own
driver (`search.trials.work`) on an Optuna study in memory: it sees the held-out
accuracy of one training and the price, as accuracy + beta |ms / target - 1|
(TuNAS' reward, arXiv 2008.06120), the target being the median latency of the
space; NSGA-II sees accuracy and price as two objectives. A network that is
proposed again costs no evaluation, and a search ends when four times as many
were proposed. Regret is that score's optimum, by mean test accuracy, less the
score of the network that looked best so far. Writes regret.csv (mean and 95 %
interval after each evaluation), regret_summary.csv and regret.png into results/
beside this file.
"""

import argparse
import csv
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from scipy import stats

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search import policies, studies
from mobilenet_jax.search.benchmark import Benchmark, Score
from mobilenet_jax.search.trial import Search
from mobilenet_jax.search.trials import work
from mobilenet_jax.space import SearchSpace

HERE = Path(__file__).parent
NAME = 'regret'  # of every study
BETA = -0.3  # the quickstart's
RESAMPLES = 2000  # of the bootstrap
TICKS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # of the picture

# (space, seed, number of the trial) -> sampler of that trial
Factory = Callable[[SearchSpace, int, int], optuna.samplers.BaseSampler]


POLICIES: dict[str, Factory] = {
  name: functools.partial(policies.make_policy, name)
  for name in policies.POLICIES
}


def main(argv: Sequence[str] | None = None) -> int:
  """Parses, searches, writes and prints; the exit status."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add('--policies', nargs='+', choices=POLICIES, default=list(POLICIES))
  add('--benchmark', type=Path, default=HERE / 'networks.csv')
  add('--seeds', type=int, default=50)
  add('--evaluations', type=int, default=60)
  add('--out', type=Path, default=HERE / 'results')
  args = parser.parse_args(argv)
  try:
    bench = Benchmark.load(args.benchmark)
  except UserError as error:
    print(f'regret: {error}', file=sys.stderr)
    return 2
  optuna.logging.set_verbosity(optuna.logging.WARNING)
  names = dict.fromkeys(['random', *args.policies])  # all are compared with it
  curves = {
    name: regrets(
      bench,
      POLICIES[name],
      args.seeds,
      args.evaluations,
      name in policies.OF_A_FRONT,
    )
    for name in names
  }
  args.out.mkdir(parents=True, exist_ok=True)
  write(args.out / 'regret.csv', curve_rows(curves))
  summary = summaries(curves)
  write(args.out / 'regret_summary.csv', summary)
  picture(curves, args.out / 'regret.png')
  for row in summary:
    print(
      f'{row["policy"]:14} regret {row["regret"]:.4f} '
      f'({row["lower"]:.4f} to {row["upper"]:.4f}), less than random by '
      f'{row["gain"]:+.4f} +- {row["gain_interval"]:.4f}: {row["beats_random"]}'
    )
  return 0


def score_of(bench: Benchmark) -> Score:
  """What is maximized."""
  target = float(np.median(bench.latency_ms))
  return lambda accuracy, ms: accuracy + BETA * abs(ms / target - 1)


def regrets(
  bench: Benchmark,
  policy: Factory,
  seeds: int,
  evaluations: int,
  front: bool = False,
) -> np.ndarray:
  """[seeds, evaluations]: of one policy."""
  score = score_of(bench)
  return np.stack(
    [
      bench.regret(
        *searched(bench, policy, seed, evaluations, score, front), score
      )
      for seed in range(seeds)
    ]
  )


def searched(
  bench: Benchmark,
  policy: Factory,
  seed: int,
  evaluations: int,
  score: Score,
  front: bool = False,
) -> tuple[list[tuple[int, ...]], list[float]]:
  """The networks that a policy has evaluated, and the score it saw of each;
  the last one again where it has proposed fewer.

  Args:
    front: whether it sees accuracy and latency, not the score.
  """
  search = Search(
    bench.space,
    functools.partial(policy, bench.space, seed),
    evaluations,
    lambda vector, *_: {'accuracy': bench.evaluate(vector, seed)},
    bench.price,
    score,
    front=front,
  )
  storage = optuna.storages.InMemoryStorage()
  studies.join(storage, NAME, {}, 'memory', front=front)
  work(search, storage, NAME)
  rows = [
    row
    for row in studies.finished(storage, NAME, bench.space)
    if row.duplicate_of is None
  ]
  rows += rows[-1:] * (evaluations - len(rows))
  return [row.vector for row in rows], [row.value for row in rows]


def interval(regret: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """95 % bootstrap interval of the mean over the first axis."""
  rng = np.random.default_rng(0)
  rows = rng.integers(len(regret), size=(RESAMPLES, len(regret)))
  low, high = np.quantile(regret[rows].mean(1), [0.025, 0.975], axis=0)
  return low, high


def curve_rows(curves: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
  """A row a policy and evaluation."""
  rows = []
  for name, regret in curves.items():
    for i, values in enumerate(
      zip(regret.mean(0), *interval(regret), strict=True), 1
    ):
      mean, low, high = (round(float(v), 6) for v in values)
      rows.append(
        {'policy': name, 'evaluation': i, 'mean': mean, 'lower': low,
         'upper': high}
      )  # fmt: skip
  return rows


def summaries(curves: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
  """A row a policy: its last regret, and how much less than random's, seed by
  seed, with the half-width of the 95 % t interval of that."""
  random = curves['random'][:, -1]
  rows = []
  for name, regret in curves.items():
    last = regret[:, -1]
    low, high = interval(regret)
    gains = random - last
    error = gains.std(ddof=1) / len(gains) ** 0.5 if len(gains) > 1 else 0.0
    width = float(error * stats.t.ppf(0.975, max(len(gains) - 1, 1)))
    gain = float(gains.mean())
    verdict = 'baseline' if name == 'random' else _verdict(gain, width)
    rows.append(
      {
        'policy': name,
        'seeds': len(last),
        'evaluations': regret.shape[1],
        'regret': round(float(last.mean()), 6),
        'lower': round(float(low[-1]), 6),
        'upper': round(float(high[-1]), 6),
        'gain': round(gain, 6),
        'gain_interval': round(width, 6),
        'beats_random': verdict,
      }
    )
  return rows


def _verdict(gain: float, width: float) -> str:
  if gain > width:
    return 'yes'
  return 'no, worse' if gain < -width else 'no'


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
  """Writes rows as CSV."""
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def picture(curves: Mapping[str, np.ndarray], path: Path) -> None:
  """Each policy over random search: mean regret and its interval."""
  import matplotlib.figure as mpl

  names = [name for name in curves if name != 'random'] or ['random']
  rows = -(-len(names) // 2)
  figure = mpl.Figure(figsize=(8, 0.9 + 2.5 * rows), layout='constrained')
  panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
  for axes in panels.flat[len(names) :]:
    axes.set_visible(False)
  for i, (axes, name) in enumerate(zip(panels.flat, names, strict=False)):
    panel(axes, {'random': '0.45', name: f'C{i}'}, curves)
  figure.supxlabel('networks evaluated', size=10)
  figure.supylabel('regret', size=10)
  seeds = len(curves['random'])
  figure.suptitle(f'mean and its 95 % interval over {seeds} seeds', size=10)
  figure.savefig(path, dpi=150)


def panel(
  axes: Any, colors: Mapping[str, str], curves: Mapping[str, np.ndarray]
) -> None:
  """Draws some of the curves; logarithmic, and linear below the first tick."""
  for name, color in colors.items():
    regret = curves[name]
    x = np.arange(1, regret.shape[1] + 1)
    axes.fill_between(x, *interval(regret), alpha=0.25, color=color, lw=0)
    axes.plot(x, regret.mean(0), color=color, label=name)
  axes.set_yscale('symlog', linthresh=TICKS[1], linscale=0.5)
  axes.set_yticks(TICKS, [f'{tick:g}' for tick in TICKS])
  axes.set_yticks([], minor=True)
  highest = max(regret.mean(0).max() for regret in curves.values())
  axes.set_ylim(-TICKS[1] / 10, 1.5 * highest)
  axes.grid(alpha=0.3)
  axes.legend(fontsize=9)


if __name__ == '__main__':
  sys.exit(main())
