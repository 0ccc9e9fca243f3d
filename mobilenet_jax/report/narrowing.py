"""How the seed of a search was narrowed down to the found network."""

import base64

from mobilenet_jax.core.files import read_json
from mobilenet_jax.report.markup import Html, figure, section, tag
from mobilenet_jax.report.reading import Run
from mobilenet_jax.report.units import milliseconds, percent

FOLDER = 'refined'


def narrowing(run: Run) -> Html:
  """The section; empty where a search has no refinement."""
  way = run.folder / FOLDER / 'way.json'
  if not way.is_file():
    return Html('')
  known = read_json(way)
  picture = (way.parent / known['picture']).read_bytes()
  data = base64.b64encode(picture).decode()
  shown = tag(
    'img',
    src=f'data:image/png;base64,{data}',
    alt='held-out accuracy against latency of every proposal',
    style='max-width:100%',
  )
  seed = known['seed']
  return section(
    'narrowing',
    'From the seed to the target',
    tag(
      'p',
      f'The search found a seed of {milliseconds(seed["ms"])} '
      f'({percent(seed["held_out_accuracy"])} of the held-out images). '
      f'NetAdapt narrowed it in {known["iterations"]} iterations to '
      f'{milliseconds(known["priced_ms"])}; what came out was trained from '
      'scratch.',
      class_='note',
    ),
    figure(
      shown,
      'Grey is every proposal after a little training, blue what was chosen; '
      'dashed is the target. All of them are in refined/proposals.jsonl.',
    ),
  )
