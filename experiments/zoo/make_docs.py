"""Writes docs/zoo.md and docs/zoo.png.

    .venv/bin/python experiments/zoo/make_docs.py

Parameters and multiply-adds are counted here, from the specs; accuracies are
those of `mobilenet_jax.models.published`. The text around them is TEXT. The
picture wants matplotlib; nothing here wants JAX.
"""

from itertools import groupby
from pathlib import Path

from mobilenet_jax.models import list_models
from mobilenet_jax.models.catalogue import catalogue
from mobilenet_jax.models.published import ROWS

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / 'docs'
TEXT = HERE / 'zoo.md.in'
GITHUB = 'https://github.com'
MODELS = f'{GITHUB}/tensorflow/models/blob/master/research/slim/nets'
TPU = f'{GITHUB}/tensorflow/tpu/blob/master/models/official'
LINKS = {
  'tensorflow/models, mobilenet_v1.md': f'{MODELS}/mobilenet_v1.md',
  'tensorflow/models, mobilenet': f'{MODELS}/mobilenet/README.md',
  'tensorflow/tpu, mnasnet': f'{TPU}/mnasnet/README.md',
  'tensorflow/tpu, efficientnet/lite': f'{TPU}/efficientnet/lite/README.md',
  'torchvision': 'https://docs.pytorch.org/vision/stable/models.html',
  'timm': f'{GITHUB}/huggingface/pytorch-image-models/tree/main/results',
}  # the beginning of a source: where it is


def text() -> str:
  """Returns docs/zoo.md."""
  return (
    TEXT.read_text()
    .replace('{models}', str(len(list_models())))
    .replace('{rows}', str(len(ROWS)))
    .replace('{zoo}', zoo())
    .replace('{grids}', grids())
  )


def zoo() -> str:
  """The table of all networks, family by family."""
  rows = sorted(catalogue(), key=lambda row: (row['family'], row['name']))
  lines = [
    (
      row['family'],
      f'`{row["name"]}`',
      str(row['resolution']),
      f'{row["params"] / 1e6:,.2f}',
      f'{row["macs"] / 1e6:,.1f}',
      '-' if row['top1'] is None else f'{row["top1"]:.1f}',
      link(row['source']) if row['source'] else '-',
    )
    for row in rows
  ]
  heads = ('family', 'name', 'px', 'M params', 'M MACs', 'top-1', 'source')
  return table(heads, lines, left=(0, 1, 6))


def grids() -> str:
  """For every network with several figures: widths down, pixels across."""
  tables = []
  rows = [row for row in catalogue(grid=True) if row['top1'] is not None]
  for name, group in groupby(rows, key=lambda row: row['name']):
    found = {(row['width'], row['resolution']): row for row in group}
    if len(found) < 2:
      continue
    widths = sorted({width for width, _ in found}, reverse=True)
    sides = sorted({side for _, side in found}, reverse=True)
    lines = [
      (f'{width:g}', *(cell(found.get((width, side))) for side in sides))
      for width in widths
    ]
    heads = (f'`{name}`', *(f'{side} px' for side in sides))
    tables.append(table(heads, lines, left=(0,)))
  return '\n\n'.join(tables)


def cell(row: dict | None) -> str:
  """Accuracy, and millions of multiply-adds."""
  if row is None:
    return ''
  return f'{row["top1"]:.1f} ({row["macs"] / 1e6:,.0f})'


def link(source: str) -> str:
  """A source that leads to where it is."""
  if source.startswith('arXiv '):
    where = f'https://arxiv.org/abs/{source.split()[1].rstrip(",")}'
    return f'[{source}]({where})'
  for start in sorted(LINKS, key=len, reverse=True):
    if source.startswith(start):
      return f'[{source}]({LINKS[start]})'
  return f'[{source}]({GITHUB}/{source})'


def table(
  heads: tuple[str, ...], rows: list[tuple[str, ...]], left: tuple[int, ...]
) -> str:
  """A table in Markdown; columns not in `left` are to the right."""
  rule = ['---' if i in left else '---:' for i in range(len(heads))]
  return '\n'.join(f'| {" | ".join(line)} |' for line in (heads, rule, *rows))


def main() -> None:
  import picture

  (DOCS / 'zoo.md').write_text(text())
  overlapping = picture.draw(DOCS / 'zoo.png')
  if overlapping:
    raise SystemExit(f'Labels overlap: {overlapping}')


if __name__ == '__main__':
  main()
