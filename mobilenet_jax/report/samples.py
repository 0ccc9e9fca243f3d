"""What the found network says of some test images."""

from typing import Any

from mobilenet_jax.report.markup import Html, section, tag
from mobilenet_jax.report.reading import Run

MOST = 64


def samples(run: Run) -> Html:
  """The section of the sample predictions."""
  shown = run.predictions[:MOST]
  right = sum(s['label'] == s['answer'] for s in shown)
  caption = (
    f'The first {len(shown)} test images, not chosen: the found network is '
    f'right on {right}. Under each are its answer and the probability it gives '
    'it; a wrong one has a dashed frame and a cross, and names the label.'
  )
  cards = tag('div', *(_card(s) for s in shown), class_='samples')
  return section('samples', 'Sample predictions', tag('p', caption), cards)


def _card(sample: dict[str, Any]) -> Html:
  label, answer = sample['label'], sample['answer']
  wrong = label != answer
  picture = tag_image(sample['image'], f'test image of {label}')
  words = [
    tag('strong', f'{"✗" if wrong else "✓"} {answer}'),
    tag('span', f' {sample["probability"]:.0%}', class_='soft'),
  ]
  if wrong:
    words.append(tag('span', f'is {label}', class_='truth'))
  return tag(
    'div',
    picture,
    tag('p', *words),
    class_='sample wrong' if wrong else 'sample',
  )


def tag_image(png: str, text: str) -> Html:
  """An inline PNG from base64."""
  made = tag('img', src=f'data:image/png;base64,{png}', alt=text)
  return Html(made.removesuffix('</img>'))
