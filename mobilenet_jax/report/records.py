"""How to get the same again: times, config, environment, command."""

import pprint
import shlex
from typing import Any

from mobilenet_jax.arch import to_string
from mobilenet_jax.report.markup import (
  Html,
  copyable,
  join,
  nested,
  section,
  table,
  tag,
)
from mobilenet_jax.report.reading import Run
from mobilenet_jax.report.units import duration


def records(run: Run) -> Html:
  """The last section: everything to understand and repeat the run."""
  return section(
    'records',
    'Times, settings and how to repeat it',
    *_times(run.timings),
    tag('h3', 'The found network as a spec'),
    tag('p', 'The whole network on one line.'),
    copyable(to_string(run.spec), 'spec-found'),
    tag('h3', 'To repeat this run'),
    tag('p', _repeat_words(run)),
    copyable(command(run.config), 'command'),
    tag('h3', 'Exact configuration and environment'),
    _fold('Configuration (config.json)', run.config),
    _fold('Environment (env.json)', run.environment),
    _fold('Latency table (latency.json)', run.provenance),
  )


def command(config: dict[str, Any]) -> str:
  """Shell lines that run a search with exactly this config."""
  plain = {name: v for name, v in config.items() if name != 'job'}
  text = pprint.pformat(plain, width=76, sort_dicts=False)
  return (
    "cat > repeat.py <<'END'\n"
    'from ml_collections import ConfigDict\n\n\n'
    'def get_config():\n'
    f'  return ConfigDict(CONFIG)\n\n\nCONFIG = {text}\n'
    'END\n'
    'mobilenet-jax search --config=repeat.py --workdir=runs/repeat'
  )


def _repeat_words(run: Run) -> Html:
  parts: list[Any] = ['These lines run the same search in a new folder']
  commit = run.environment.get('commit')
  if commit:
    parts.append(f', with the code at commit {commit}')
  if run.config.get('latency', {}).get('table'):
    return join([*parts, '.'])
  path = shlex.quote(str(run.folder / 'latency.csv'))
  option = tag('code', f'--config.latency.table={path}')
  rest = '. They measure the computer they run on; for the prices of this run '
  return join([*parts, rest, 'add ', option, '.'])


def _times(timings: dict[str, float]) -> list[Html]:
  total = sum(timings.values())
  rows: list[tuple[Any, ...]] = [
    (name, _bar(seconds / total if total else 0.0), duration(seconds))
    for name, seconds in timings.items()
  ]
  rows.append(('in all', '', duration(total)))
  words = 'Seconds of each stage on the clock, summed over resumed sessions.'
  return [
    tag('h3', 'Time'),
    tag('p', words),
    table(('stage', 'share', 'time'), rows, words=2),
  ]


def _bar(share: float) -> Html:
  fill = tag('span', style=f'width:{share * 100:.1f}%')
  return tag('div', fill, class_='share', title=f'{share:.1%}')


def _fold(title: str, value: dict[str, Any]) -> Html:
  return tag('details', tag('summary', title), nested(value))
