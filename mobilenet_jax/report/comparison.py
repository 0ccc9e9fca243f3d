"""The picture of two latency tables side by side."""

from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_bytes
from mobilenet_jax.latency.compare import Comparison

FORMATS = ('.png', '.svg', '.pdf')


def check_format(path: str) -> None:
  """Raises UserError for a picture that cannot be written as named."""
  if Path(path).suffix not in FORMATS:
    raise UserError(f'--plot {path} must end in {", ".join(FORMATS)}.')


def draw(found: Comparison, names: tuple[str, str], path: str) -> None:
  """Writes a scatter of both times and the ratio over the first.

  Args:
    names: of the two tables.
    path: ends in one of `FORMATS`.
  """
  try:
    import matplotlib.figure as mpl
  except ImportError as error:
    raise UserError(
      "--plot needs the extra [report]: pip install 'mobilenet-jax[report]'."
    ) from error
  import io

  figure = mpl.Figure(figsize=(10, 4.6), layout='constrained')
  times, ratios = figure.subplots(1, 2)
  for kind in found.by_kind():
    pairs = [p for p in found.pairs if p.key.kind == kind]
    a = [p.a_ms for p in pairs]
    times.plot(a, [p.b_ms for p in pairs], 'o', ms=3, alpha=0.6, label=kind)
    ratios.plot(a, [p.ratio for p in pairs], 'o', ms=3, alpha=0.6)
  _finish(times, ratios, found, names)
  buffer = io.BytesIO()
  figure.savefig(buffer, format=Path(path).suffix[1:], dpi=150)
  write_bytes(path, buffer.getvalue())


def _finish(
  times: Any, ratios: Any, found: Comparison, names: tuple[str, str]
) -> None:
  ends = [min(p.a_ms for p in found.pairs), max(p.a_ms for p in found.pairs)]
  line = [found.ratio * end for end in ends]
  label = f'{found.ratio:.2f} times (median)'
  times.plot(ends, line, '-', color='0.4', lw=1, label=label)
  times.set(xscale='log', yscale='log', xlabel=f'{names[0]} (ms)')
  times.set_ylabel(f'{names[1]} (ms)')
  times.legend(fontsize=8)
  ratios.axhline(found.ratio, color='0.4', lw=1)
  for share in (0.9, 1.1):
    ratios.axhline(share * found.ratio, color='0.7', lw=0.8, ls='--')
  near = f'{found.within(0.1):.0%} of {len(found.pairs)} blocks within 10 %'
  ratios.set(xscale='log', yscale='log', xlabel=f'{names[0]} (ms)')
  ratios.set(ylabel=f'{names[1]} / {names[0]}', title=f'{near} of the median')
  for axes in (times, ratios):
    axes.grid(alpha=0.3)
