"""Which classes are taken for which: a picture and a table."""

import csv
import io
import warnings
from collections.abc import Sequence

import numpy as np

NUMBERED = 20  # classes; of more, cells hold no numbers
NAMED = 60  # classes; of more, axes have no names
LETTERS = 24  # of a name
CELL, MARGIN = 0.42, 2.4  # inches
SMALLEST, LARGEST = 3.6, 14.0  # inches of the matrix
DPI = 120
DARK = 0.55  # share from which a cell takes white numbers


def confusion_csv(confusion: np.ndarray, names: Sequence[str]) -> str:
  """The counts as CSV: a row a true class, a column an answer."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(['true class', *names])
  for name, row in zip(names, confusion.tolist(), strict=True):
    writer.writerow([name, *row])
  return text.getvalue()


def draw_confusion(
  confusion: np.ndarray, names: Sequence[str], title: str
) -> bytes:
  """Draws a confusion matrix; cells are shaded by their share of the row.

  Args:
    confusion: int [K, K], row by true class.
    names: K of them.
    title: above it.

  Returns:
    A PNG file.
  """
  from matplotlib.backends.backend_agg import FigureCanvasAgg
  from matplotlib.figure import Figure

  count = len(names)
  side = min(max(CELL * count, SMALLEST), LARGEST)
  figure = Figure((side + MARGIN, side + MARGIN), DPI, layout='constrained')
  axes = figure.subplots()
  shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
  axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
  axes.set_title(title, parse_math=False)
  axes.set_xlabel('answer')
  axes.set_ylabel('true class')
  shown = [_cut(name) for name in names] if count <= NAMED else []
  ticks = range(len(shown))
  # a name is no formula, whatever its letters
  axes.set_xticks(ticks, shown, rotation=90, parse_math=False)
  axes.set_yticks(ticks, shown, parse_math=False)
  if count <= NUMBERED:
    for (row, column), number in np.ndenumerate(confusion):
      if number:
        ink = 'white' if shares[row, column] > DARK else 'black'
        axes.text(column, row, str(number), ha='center', va='center', color=ink)
  data = io.BytesIO()
  with warnings.catch_warnings():
    warnings.filterwarnings('ignore', message='Glyph')  # not in its font
    FigureCanvasAgg(figure).print_png(data)
  return data.getvalue()


def _cut(name: str) -> str:
  return name if len(name) <= LETTERS else name[: LETTERS - 3] + '...'
