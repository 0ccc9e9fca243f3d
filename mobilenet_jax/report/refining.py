"""The way of a refinement: latency against accuracy, step by step."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

SIZE, DPI = (7.2, 4.6), 120
NAMED = 12  # steps; of more, only some have their number


def draw_refining(rows: Sequence[Mapping[str, Any]], target_ms: float) -> bytes:
  """Draws the log of a refinement.

  Args:
    rows: of `proposals.jsonl`: the seed, every proposal, and what was chosen.
    target_ms: where it ends.

  Returns:
    A PNG file.
  """
  from matplotlib.backends.backend_agg import FigureCanvasAgg
  from matplotlib.figure import Figure

  tried = [row for row in rows if 'proposal' in row]
  way = [row for row in rows if 'chosen' in row or row['iteration'] == 0]
  figure = Figure(SIZE, DPI, layout='constrained')
  axes = figure.subplots()
  axes.scatter(
    [row['ms'] for row in tried], [100 * row['accuracy'] for row in tried],
    s=10, color='0.75', label=f'{len(tried)} proposals',
  )  # fmt: skip
  xs = [row['ms'] for row in way]
  ys = [100 * row['accuracy'] for row in way]
  axes.plot(
    xs, ys, '-o', color='tab:blue', markersize=4,
    label=f'chosen, {len(way) - 1} iterations',
  )  # fmt: skip
  every = max(len(way) // NAMED, 1)
  for row, x, y in zip(way, xs, ys, strict=True):
    number = row['iteration']
    if number % every == 0 or row is way[-1]:
      axes.annotate(
        str(number) if number else 'seed', (x, y), (0, 6),
        textcoords='offset points', ha='center', fontsize=8,
      )  # fmt: skip
  axes.axvline(target_ms, color='tab:red', linestyle='--', linewidth=1)
  axes.text(
    target_ms, 0.02, f'target {target_ms:.4g} ms ', color='tab:red',
    fontsize=8, ha='right', transform=axes.get_xaxis_transform(),
  )  # fmt: skip
  axes.invert_xaxis()  # the way goes to the right
  axes.set_xlabel('latency (ms), by the table')
  axes.set_ylabel('held-out accuracy (%)')
  axes.grid(alpha=0.3)
  axes.legend(loc='lower left')
  data = io.BytesIO()
  FigureCanvasAgg(figure).print_png(data)
  return data.getvalue()
