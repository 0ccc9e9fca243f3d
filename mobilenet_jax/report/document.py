"""A page of its own: one HTML file that loads nothing and calls nobody."""

import base64
import hashlib
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.report.markup import Html, tag
from mobilenet_jax.report.script import SCRIPT
from mobilenet_jax.report.style import STYLE


def document(title: str, *inside: Any, plotly: str) -> str:
  """The whole page.

  Args:
    title: of the window.
    inside: the body's elements; charts are drawn by the page's script.
    plotly: of `plotly_script`.
  """
  scripts = (plotly, SCRIPT)
  body = tag(
    'body', *inside, *(tag('script', Html(script)) for script in scripts)
  )
  head = tag(
    'head',
    Html('<meta charset="utf-8">'),
    Html('<meta name="viewport" content="width=device-width">'),
    _policy(scripts),
    tag('title', title),
    tag('style', Html(STYLE)),
  )
  return '<!doctype html>\n' + tag('html', head, body, lang='en') + '\n'


def plotly_script() -> str:
  """The source of plotly.js.

  Raises:
    UserError: plotly is not installed.
  """
  try:
    from plotly.offline import get_plotlyjs
  except ImportError as error:
    raise UserError(
      'Writing a report needs the extra [report]: '
      "pip install 'mobilenet-jax[report]'."
    ) from error
  return get_plotlyjs()


def _policy(scripts: tuple[str, ...]) -> Html:
  """Lets the browser run these scripts, load nothing, and call nobody."""
  sums = (hashlib.sha256(script.encode()).digest() for script in scripts)
  allowed = ' '.join(
    f"'sha256-{base64.b64encode(value).decode()}'" for value in sums
  )
  rules = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    f'script-src {allowed}'
  )
  return Html(f'<meta http-equiv="Content-Security-Policy" content="{rules}">')
