"""The scatter of `truth.py`."""

from pathlib import Path
from typing import Any

import matplotlib.figure as mpl

COLOURS = {'fit': '0.75', 'random': 'tab:blue', 'zoo': 'tab:orange'}


def scatter(found: dict[str, Any], chosen: str, path: Path) -> None:
  """Priced against measured, and the ratio of the two."""
  figure = mpl.Figure(figsize=(10, 4.6), layout='constrained')
  both, ratio = figure.subplots(1, 2)
  prices = found['by block']['tried'][chosen]['of']
  for group, colour in COLOURS.items():
    true = [w['ms'] for w in found['whole'][group]]
    priced = prices[group]
    label = {'fit': 'fitted on', 'random': 'random', 'zoo': 'zoo'}[group]
    both.plot(true, priced, 'o', ms=4, color=colour, label=label)
    off = [100 * (p / t - 1) for p, t in zip(priced, true, strict=True)]
    ratio.plot(true, off, 'o', ms=4, color=colour)
    if group == 'zoo':
      for w, x, y, o in zip(
        found['whole'][group], true, priced, off, strict=True
      ):
        ratio.annotate(w['name'], (x, o), fontsize=5, xytext=(3, 2),
                       textcoords='offset points')  # fmt: skip
        del y
  ends = both.get_xlim()
  both.plot(ends, ends, color='0.4', lw=1)
  both.set(xlabel='measured whole (ms)', ylabel='priced by its blocks (ms)')
  both.legend()
  for line in (-10, 0, 10):
    ratio.axhline(line, color='0.4', lw=0.8, ls='-' if line == 0 else '--')
  ratio.set(xlabel='measured whole (ms)', ylabel='priced over measured, %')
  error = found['by block']['tried'][chosen]['random']
  ratio.set_title(
    f'{error["networks"]} random networks: mean error {error["mean"]:.1%}, '
    f'{error["within 10 %"]:.0%} within 10 %, tau {error["tau"]:.3f}',
    fontsize=9,
  )
  for axes in (both, ratio):
    axes.grid(alpha=0.3)
  figure.savefig(path, dpi=150)
