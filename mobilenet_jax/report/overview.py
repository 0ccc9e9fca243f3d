"""Runs side by side: what was asked of them, and what came of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_text
from mobilenet_jax.report.curves import colour, cost_chart, training_chart
from mobilenet_jax.report.document import document, plotly_script
from mobilenet_jax.report.entries import Entry, differences
from mobilenet_jax.report.markup import (
  Html,
  copyable,
  figure,
  join,
  section,
  table,
  tag,
)
from mobilenet_jax.report.units import percent, plural

NONE = '-'
BRIEF = 32  # letters of a value
LIKE = ('data.name', 'data.test_split')  # differ: accuracies do not compare


def write_comparison(entries: Sequence[Entry], path: str | Path) -> Path:
  """Writes the page of some runs.

  Args:
    entries: of `entries.read_entries`.
    path: of the page, an .html.

  Raises:
    UserError: plotly is not installed, or the file cannot be written.
  """
  path = Path(path)
  if path.suffix != '.html':
    raise UserError(f'--out {path} is not an .html file.')
  write_text(path, comparison(entries, plotly_script()))
  return path


def comparison(entries: Sequence[Entry], plotly: str) -> str:
  """The whole page."""
  done = sum(entry.finished for entry in entries)
  count = plural(len(entries), 'network')
  words = (
    f'{count}, {done if done < len(entries) else "all"} trained to the end.'
  )
  header = tag(
    'header',
    tag('p', 'mobilenet-jax report', class_='kicker'),
    tag('h1', 'Runs side by side'),
    tag('p', words, class_='lede'),
    *(tag('p', text, class_='note warning') for text in cautions(entries)),
  )
  parts = [_results(entries), _settings(entries), _training(entries)]
  main = tag('main', *parts, *_costs(entries), _networks(entries))
  return document(
    f'Comparison of {plural(len(entries), "network")}', header, main,
    plotly=plotly,
  )  # fmt: skip


def cautions(entries: Sequence[Entry]) -> list[str]:
  """What keeps the accuracies from being compared, as sentences."""
  differ = differences(entries)
  found = [
    f'The runs differ in {field} ({", ".join(dict.fromkeys(map(str, values)))}'
    '): their accuracies do not compare.'
    for field, values in differ.items()
    if field in LIKE
  ]
  waiting = [entry.label for entry in entries if not entry.finished]
  if waiting:
    found.append(f'Not finished: {", ".join(waiting)}.')
  return found


def columns(entries: Sequence[Entry]) -> list[str]:
  """Titles of the columns of numbers; those that no run has are left out."""
  optional = {
    'top-5': any('top5' in e.test for e in entries),
    'best validation': any(e.validation for e in entries),
  }
  every = (
    'params', 'MACs', 'test accuracy', 'top-5', 'test loss', 'best validation',
    'steps',
  )  # fmt: skip
  return [name for name in every if optional.get(name, True)]


def cells(entry: Entry, names: Sequence[str]) -> list[str]:
  """A row of numbers, as text."""
  show = lambda value, form: NONE if value is None else form(value)
  every = {
    'params': show(entry.params, '{:,}'.format),
    'MACs': show(entry.macs, '{:,}'.format),
    'test accuracy': show(entry.test.get('accuracy'), percent),
    'top-5': show(entry.test.get('top5'), percent),
    'test loss': show(entry.test.get('loss'), '{:.3f}'.format),
    'best validation': show(entry.best_validation, percent),
    'steps': entry.progress,
  }
  return [every[name] for name in names]


def settings(
  entries: Sequence[Entry],
) -> tuple[list[str], list[list[str]]] | None:
  """What differs in the configs, as heads and rows of text; None is nothing.

  A row is a run; a field, where there are more of those.
  """
  differ = differences(entries)
  if not differ:
    return None
  labels = [entry.label for entry in entries]
  shown = [[_brief(value) for value in values] for values in differ.values()]
  if len(differ) > len(entries):
    rows = [[f, *row] for f, row in zip(differ, shown, strict=True)]
    return ['field', *labels], rows
  turned = zip(labels, *shown, strict=True)
  return ['run', *differ], [list(row) for row in turned]


def _brief(value: Any) -> str:
  """A value of a config; a network as a string, say, is cut."""
  if value is None:
    return NONE
  text = str(value) or "''"
  return text if len(text) <= BRIEF else text[: BRIEF - 3] + '...'


def _results(entries: Sequence[Entry]) -> Html:
  names = columns(entries)
  rows = [
    (_named(i, entry), *cells(entry, names)) for i, entry in enumerate(entries)
  ]
  return section('results', 'Results', table(('run', *names), rows))


def _named(number: int, entry: Entry) -> Html:
  swatch = tag('span', class_='swatch', style=f'background:{colour(number)}')
  words = entry.name or 'no network yet'
  if not entry.finished:
    words += ', not finished'
  under = tag('span', words, class_='under')
  return join([tag('span', swatch, entry.label, class_='named'), under])


def _settings(entries: Sequence[Entry]) -> Html:
  title = 'What differs in their configs'
  found = settings(entries)
  if not found:
    words = 'Nothing: all fields are alike.'
    return section('settings', title, tag('p', words, class_='note'))
  return section('settings', title, table(*found))


def _training(entries: Sequence[Entry]) -> Html:
  parts = [
    figure(
      training_chart('chart-train-loss', 'training loss (nats)', entries),
      'Loss on the training batch: faint as it was written, bold as its '
      'running mean over a tenth of the curve. With label smoothing or mixing '
      'a loss is higher and says less. Click a name to hide its run.',
    ),
    figure(
      training_chart('chart-train-accuracy', 'training accuracy', entries),
      'Accuracy on the (augmented) training batch, shown in the same way.',
    ),
  ]
  if any(entry.validation for entry in entries):
    chart = training_chart(
      'chart-validation-accuracy', 'validation accuracy', entries, held_out=True
    )
    parts.append(figure(chart, 'Accuracy on the held-out images.'))
  return section('training', 'Training', *parts)


def _costs(entries: Sequence[Entry]) -> list[Html]:
  if not any(entry.finished and entry.params for entry in entries):
    return []
  grid = tag(
    'div',
    cost_chart('chart-macs', 'multiply-adds', 'macs', entries),
    cost_chart('chart-params', 'parameters', 'params', entries),
    class_='grid',
  )
  words = (
    'Colours are those of the table above; point at a mark to see its run. '
    'Runs that have not finished have no test accuracy and no mark.'
  )
  return [section('costs', 'Accuracy against cost', figure(grid, words))]


def _networks(entries: Sequence[Entry]) -> Html:
  parts = [
    tag(
      'details',
      tag('summary', tag('strong', entry.label), f' {entry.name}'),
      copyable(entry.arch, f'spec-{i}'),
    )
    for i, entry in enumerate(entries)
    if entry.arch
  ]
  return section('networks', 'The networks', *parts)
