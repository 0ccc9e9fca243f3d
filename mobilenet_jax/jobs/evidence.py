"""Writes what a search has seen: `evidence.json` of a run folder."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.core.files import write_json
from mobilenet_jax.core.progress import progress
from mobilenet_jax.jobs.searching import SearchJob
from mobilenet_jax.search.evidence import Judged, Vector, front, neighbours
from mobilenet_jax.space.words import choices_in_words

Judge = Callable[[Vector], float]


@dataclass(frozen=True)
class Effects:
  """What other choices would do.

  Attributes:
    how: it was found out, in words.
    rows: 'decision', 'choice', and the change of 'quality' and 'ms'.
  """

  how: str
  rows: list[dict[str, Any]]


def write_evidence(
  job: SearchJob,
  found: Vector,
  judged: Sequence[Judged],
  measure: str,
  effects: Effects,
) -> None:
  """Keeps the candidates, their front, and what decisions are worth.

  Args:
    judged: all candidates, the found network among them.
    measure: what quality is, in words.
  """
  labels = choices_in_words(job.space.spec)
  own = next(j for j in judged if j.vector == found)
  write_json(
    job.folder / 'evidence.json',
    {
      'measure': measure,
      'aim_ms': job.pricing.target_ms,  # of a seed: slower than the target
      'found': _plain(own),
      'chosen': {
        tag: labels[tag][i]
        for tag, i in zip(job.space.tags, found, strict=True)
      },
      'candidates': [_plain(j) for j in judged],
      'front': [_plain(j) for j in front(judged)],
      'how': effects.how,
      'sensitivity': effects.rows,
    },
  )


def by_neighbours(
  job: SearchJob, found: Vector, judged: Sequence[Judged], judge: Judge
) -> Effects:
  """Judges every network that is one decision away from the found one.

  Args:
    judge: gives a choice vector's quality; asked of networks that are not in
      `judged`.
  """
  space = job.space
  known = {space.canonical(j.vector): j.quality for j in judged}
  labels, price = choices_in_words(space.spec), job.pricing.of_vector
  around, own = neighbours(space, found), known[space.canonical(found)]
  rows = []
  with progress('changing one decision at a time', len(around)) as bar:
    for tag, index, vector in around:
      network = space.canonical(vector)
      quality = known[network] if network in known else judge(vector)
      rows.append(
        {
          'decision': tag,
          'choice': labels[tag][index],
          'quality': quality - own,
          'ms': price(vector) - price(found),
        }
      )
      bar.advance()
  return Effects('the found network with one decision changed at a time', rows)


def by_means(
  job: SearchJob, found: Vector, judged: Sequence[Judged]
) -> Effects:
  """Compares the mean of the candidates that have a choice with the mean of
  those that have the found network's."""
  labels = choices_in_words(job.space.spec)
  rows = []
  for d, tag in enumerate(job.space.tags):
    means = {
      index: _mean([j for j in judged if j.vector[d] == index])
      for index in sorted({j.vector[d] for j in judged})
    }
    quality, ms = means.pop(found[d])
    rows += [
      {
        'decision': tag,
        'choice': labels[tag][index],
        'quality': other - quality,
        'ms': other_ms - ms,
      }
      for index, (other, other_ms) in means.items()
    ]
  how = (
    'the mean of the candidates that have a choice, beside those that have '
    "the found network's (they differ in other decisions, too)"
  )
  return Effects(how, rows)


def _mean(judged: Sequence[Judged]) -> tuple[float, float]:
  """Quality and milliseconds."""
  return (
    statistics.fmean(j.quality for j in judged),
    statistics.fmean(j.ms for j in judged),
  )


def _plain(one: Judged) -> dict[str, Any]:
  return {'vector': list(one.vector), 'ms': one.ms, 'quality': one.quality}
