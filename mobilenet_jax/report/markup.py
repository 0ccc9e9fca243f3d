"""HTML that is escaped unless it says that it is HTML already."""

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any


class Html(str):
  """Text that is HTML and is not escaped again."""

  __slots__ = ()


def esc(value: Any) -> Html:
  """Returns `value` as HTML: escaped, or unchanged where it is `Html`."""
  if isinstance(value, Html):
    return value
  return Html(html.escape(str(value), quote=True))


def join(parts: Iterable[Any], between: str = '') -> Html:
  """Joins parts, escaping those that are not `Html`."""
  return Html(between.join(esc(part) for part in parts))


def tag(name: str, *inside: Any, **attributes: Any) -> Html:
  """Returns `<name attribute="...">inside</name>`.

  An attribute's trailing underscore is dropped and inner ones become hyphens;
  True stands alone, False and None are left out.
  """
  text = ''
  for key, value in attributes.items():
    key = key.rstrip('_').replace('_', '-')
    if value is True:
      text += f' {key}'
    elif value is not None and value is not False:
      text += f' {key}="{esc(value)}"'
  return Html(f'<{name}{text}>{join(inside)}</{name}>')


def section(anchor: str, title: str, *parts: Any) -> Html:
  """A titled section of the page."""
  return tag('section', tag('h2', title), *parts, id=anchor)


def figure(body: Any, caption: Any) -> Html:
  """Something to look at, and what one sees there."""
  return tag('figure', body, tag('figcaption', caption))


def table(
  header: Sequence[str],
  rows: Iterable[Sequence[Any]],
  *,
  words: int = 1,
  marks: Sequence[str] = (),
) -> Html:
  """A table that scrolls sideways where it is too wide.

  Args:
    words: how many leading columns are words; the others are numbers.
    marks: a class a row.
  """

  def cells(kind: str, values: Sequence[Any]) -> Html:
    return join(
      tag(kind, value, class_='word' if i < words else None)
      for i, value in enumerate(values)
    )

  body = join(
    tag('tr', cells('td', row), class_=marks[i] if marks else None)
    for i, row in enumerate(rows)
  )
  head = tag('thead', tag('tr', cells('th', header)))
  return scroll(tag('table', head, tag('tbody', body)))


def scroll(inside: Any, label: str | None = None) -> Html:
  """A box that scrolls sideways, by keyboard too."""
  return tag('div', inside, class_='scroll', tabindex=0, aria_label=label)


def nested(value: Any) -> Html:
  """Nested dicts of JSON values as lists of names and values that fold."""
  if not isinstance(value, dict):
    plain = isinstance(value, str) and value
    return tag('code', value if plain else json.dumps(value))
  rows = []
  for name, inner in value.items():
    if isinstance(inner, dict) and inner:
      folded = tag('details', tag('summary', name), nested(inner), open=True)
      rows.append(tag('div', folded, class_='inner'))
    else:
      rows.append(tag('div', tag('dt', name), tag('dd', nested(inner))))
  return tag('dl', *rows)


def copyable(text: str, anchor: str) -> Html:
  """Text with a button that copies it."""
  button = tag('button', 'Copy', type='button', data_copy=anchor)
  code = tag('pre', tag('code', text, id=anchor), tabindex=0)
  return tag('div', button, code, class_='copyable')
