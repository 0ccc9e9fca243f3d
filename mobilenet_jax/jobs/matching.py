"""Which output of a network means which class of a data set."""

from collections.abc import Sequence

import numpy as np

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.data.labels import (
  BACKGROUND,
  imagenet_labels,
  imagenet_synsets,
)
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs.subjects import Subject


def match_classes(
  subject: Subject, source: Source
) -> tuple[np.ndarray | None, str]:
  """Finds the outputs that stand for the classes of a data set.

  Where the names of both are known, names decide (of ImageNet's classes also
  the numbers of their synsets, 'n01440764'); otherwise the numbers of classes
  must agree, ImageNet's background left aside.

  Returns:
    int [classes of the source], the output of each, or None where they are
    all outputs in their order; and a sentence for the user, or ''.

  Raises:
    UserError: the network does not know the classes.
  """
  labels, count = subject.labels, subject.classes
  wanted = source.class_names
  found = _by_name(labels, wanted)
  known = [i for i in found if i is not None]
  if len(set(known)) == len(wanted):
    if known == list(range(count)):
      return None, ''
    return np.array(known), _told(count, len(wanted))
  moved = any(i not in (None, j) for j, i in enumerate(found))
  if count == len(wanted) and not moved:
    if labels == wanted:
      return None, ''
    which = 'not those of the network' if labels else 'unknown to the network'
    return None, (
      f'The class names of the data are {which}; classes are matched by their '
      'numbers.'
    )
  if count == len(wanted) + 1 and labels[:1] == (BACKGROUND,) and not known:
    return np.arange(1, count), _told(count, len(wanted), by='number')
  raise UserError(_refusal(subject, source, found))


def _told(count: int, wanted: int, by: str = 'name') -> str:
  text = f'Classes are matched by {by}'
  if wanted == count:
    return f'{text}; their order differs.'
  return (
    f"{text}; of the network's {count:,} only the data's {wanted:,} compete."
  )


def _by_name(labels: Sequence[str], wanted: Sequence[str]) -> list[int | None]:
  """The index of each wanted name; None where it is unknown or ambiguous."""
  places: dict[str, list[int]] = {}
  for i, name in enumerate(labels):
    places.setdefault(_plain(name), []).append(i)
  for background in (False, True):
    if tuple(labels) == imagenet_labels(background):
      for i, synset in enumerate(imagenet_synsets(), int(background)):
        places.setdefault(synset, []).append(i)
  found = (places.get(_plain(name), []) for name in wanted)
  return [some[0] if len(some) == 1 else None for some in found]


def _plain(name: str) -> str:
  """A name without what people write differently."""
  return ' '.join(name.casefold().replace('_', ' ').replace('-', ' ').split())


def _refusal(
  subject: Subject, source: Source, found: Sequence[int | None]
) -> str:
  wanted = source.class_names
  if all(i is None for i in found):
    some = ', '.join(map(repr, wanted[:3])) + (', ...' if wanted[3:] else '')
    what = 'among its own' if subject.labels else 'known to it'
    return (
      f'{subject.name} has {subject.classes} classes, {source.name} has '
      f'{len(wanted)} ({some}), which are not {what}.'
    )
  unknown = [n for n, i in zip(wanted, found, strict=True) if i is None]
  if not unknown:
    return f'Two classes of {source.name} are one class of {subject.name}.'
  hint = did_you_mean(unknown[0], subject.labels)
  return (
    f'{source.name} has a class {unknown[0]!r} that {subject.name} does not '
    f'know, or knows twice.{hint}'
  )
