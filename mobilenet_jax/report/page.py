"""Writes `report.html` of a finished search."""

from pathlib import Path

from mobilenet_jax.core.files import write_text
from mobilenet_jax.report.deploying import deploying
from mobilenet_jax.report.document import document, plotly_script
from mobilenet_jax.report.drawing import drawing
from mobilenet_jax.report.evidence import evidence
from mobilenet_jax.report.headline import headline
from mobilenet_jax.report.markup import (
  Html,
  figure,
  join,
  scroll,
  section,
  tag,
)
from mobilenet_jax.report.narrowing import narrowing
from mobilenet_jax.report.reading import Run, read_run
from mobilenet_jax.report.records import records
from mobilenet_jax.report.samples import samples
from mobilenet_jax.report.searching import searching
from mobilenet_jax.report.sharing import sharing
from mobilenet_jax.report.tradeoff import tradeoff
from mobilenet_jax.report.training import training
from mobilenet_jax.report.trials import trials

# how searches of an algorithm went, where not as `searching` shows it
HOW = {'trials': trials, 'sandwich': sharing}


def write_report(folder: str | Path) -> Path:
  """Writes `report.html` into the run folder of a finished search.

  Returns:
    Its path. The page is one file that needs no network.

  Raises:
    UserError: plotly is not installed, or the folder holds no finished
      search; the missing file is named.
  """
  folder = Path(folder)
  plotly = plotly_script()
  path = folder / 'report.html'
  write_text(path, page(read_run(folder), plotly))
  return path


def page(run: Run, plotly: str) -> str:
  """The whole page of a run."""
  algorithm = run.config.get('search', {}).get('algorithm')
  main = tag(
    'main',
    tradeoff(run),
    _network(run),
    evidence(run),
    HOW.get(algorithm, searching)(run),
    narrowing(run),
    training(run),
    deploying(run),
    samples(run),
    records(run),
  )
  title = f'Search report: {run.folder.resolve().name}'
  return document(title, headline(run), main, plotly=plotly)


def _network(run: Run) -> Html:
  caption = (
    'Top to bottom, one row a block, grouped by the resolution of its output. '
    'The silhouette is as wide as the root of the channels, widest where a '
    'block expands them; an arrow beside it is a shortcut. Bars are the '
    "block's own latency, from the run's table; their sum is the price of the "
    'network.'
  )
  shown = scroll(drawing(run.spec, run.prices), 'blocks of the found network')
  return section('network', 'The found network', figure(join([shown]), caption))
