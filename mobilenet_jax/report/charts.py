"""Plotly figures as plain data, drawn in the page by `script`.

A colour is written `var(--name)` and looked up in the page's style, so that a
chart follows light and dark.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilenet_jax.report.markup import Html, esc, join, tag

Trace = dict[str, Any]
MOST_POINTS = 600  # a curve; more cannot be seen
ROLES = {
  'found': {'label': 'found by the search', 'symbol': 'star', 'size': 17},
  'scaled': {'label': 'known, scaled', 'symbol': 'diamond', 'size': 12},
  'random': {'label': 'random', 'symbol': 'circle', 'size': 10},
}


def role(name: str) -> dict[str, Any]:
  """Label, symbol and size of a role's mark."""
  return ROLES.get(name, ROLES['random'])


def colour(name: str) -> str:
  """The colour of a role."""
  return f'var(--{name if name in ROLES else "random"})'


def chart(
  anchor: str, traces: Sequence[Trace], height: int, **layout: Any
) -> Html:
  """A place for a chart, and its data for the page's script."""
  font = {'family': 'system-ui, sans-serif', 'size': 13, 'color': 'var(--ink)'}
  hover = {
    'bgcolor': 'var(--card)',
    'bordercolor': 'var(--line)',
    'font': {**font, 'size': 12},
    'align': 'left',
    'namelength': -1,
  }
  whole = {
    'height': height,
    'margin': {'l': 56, 'r': 14, 't': 14, 'b': 48},
    'font': font,
    'paper_bgcolor': 'var(--page)',
    'plot_bgcolor': 'var(--page)',
    'hoverlabel': hover,
    'legend': legend(1.02),
    'showlegend': False,
    **layout,
  }
  text = json.dumps(_clean({'data': list(traces), 'layout': whole}))
  for sign in '<>&':  # so that no text can end the script element
    text = text.replace(sign, f'\\u{ord(sign):04x}')
  place = tag('div', id=anchor, class_='chart', style=f'height:{height}px')
  data = tag('script', Html(text), type='application/json', data_chart=anchor)
  return join([place, data])


def legend(y: float) -> dict[str, Any]:
  """A legend above the plot; the found network, drawn last, comes first."""
  place = {'x': 0, 'y': y, 'yanchor': 'bottom'}
  return {'orientation': 'h', 'traceorder': 'reversed', **place}


def axis(title: str, **more: Any) -> dict[str, Any]:
  """An axis with its title, which names the unit."""
  return {
    'title': {'text': title, 'standoff': 10},
    'gridcolor': 'var(--grid)',
    'zeroline': False,
    'linecolor': 'var(--line)',
    'automargin': True,
    **more,
  }


def curve(
  x: Sequence[float], y: Sequence[float | None], hue: str, **more: Any
) -> list[Trace]:
  """A noisy curve: its values faint, their running mean over them."""
  keep = thinned(len(x))
  steps = [x[i] for i in keep]
  raw = [y[i] for i in keep]
  mean = running_mean(y)
  shared = {'type': 'scatter', 'mode': 'lines', 'x': steps}
  group = {k: v for k, v in more.items() if k == 'legendgroup'}
  return [
    {
      **shared, **group, 'y': raw, 'opacity': 0.28, 'hoverinfo': 'skip',
      'showlegend': False, 'line': {'color': hue, 'width': 1},
    },
    {
      **shared, 'y': [mean[i] for i in keep],
      'line': {'color': hue, 'width': 2}, **more,
    },
  ]  # fmt: skip


def points(
  x: Sequence[float], y: Sequence[float | None], hue: str, **more: Any
) -> list[Trace]:
  """A curve of few values: a mark each, joined by lines."""
  drawn = {'mode': 'lines+markers', 'x': list(x), 'y': list(y)}
  style = {'line': {'color': hue, 'width': 2}, 'marker': {'size': 6}}
  return [{'type': 'scatter', **drawn, **style, **more}]


def thinned(count: int, most: int = MOST_POINTS) -> list[int]:
  """At most `most` evenly spread indices, first and last among them."""
  if count <= most:
    return list(range(count))
  return [int(i) for i in np.linspace(0, count - 1, most).round()]


def running_mean(values: Sequence[float | None]) -> list[float]:
  """Centred mean over about a tenth of the curve, shorter at its ends."""
  y = np.array(values, float)
  half = max(len(y) // 20, 1)
  spans = [y[max(i - half, 0) : i + half + 1] for i in range(len(y))]
  known = [span[np.isfinite(span)] for span in spans]
  return [float(s.mean()) if s.size else math.nan for s in known]


def vertical(x: float, text: str, **line: Any) -> dict[str, Any]:
  """A vertical line through the plot, named above it: parts of a layout."""
  drawn = {'color': 'var(--ink)', 'width': 1.2, 'dash': 'dash', **line}
  shape = {
    'type': 'line', 'x0': x, 'x1': x, 'y0': 0, 'y1': 1, 'yref': 'paper',
    'line': drawn,
  }  # fmt: skip
  note = {
    'x': x, 'y': 1, 'yref': 'paper', 'yanchor': 'bottom', 'text': esc(text),
    'showarrow': False, 'font': {'size': 12, 'color': 'var(--soft)'},
  }  # fmt: skip
  return {'shapes': [shape], 'annotations': [note]}


def _clean(value: Any) -> Any:
  """JSON has no NaN; a gap in a curve is null."""
  if isinstance(value, dict):
    return {k: _clean(v) for k, v in value.items()}
  if isinstance(value, list | tuple):
    return [_clean(v) for v in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value
