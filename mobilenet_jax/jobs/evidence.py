"""Writes what a search has seen: `evidence.json` of a run folder."""

from collections.abc import Callable, Sequence
from typing import Any

from mobilenet_jax.core.files import write_json
from mobilenet_jax.core.progress import progress
from mobilenet_jax.jobs.searching import SearchJob
from mobilenet_jax.search.evidence import Judged, Vector, front, neighbours
from mobilenet_jax.space.words import choices_in_words

Judge = Callable[[Vector], float]


def write_evidence(
  job: SearchJob,
  found: Vector,
  judged: Sequence[Judged],
  measure: str,
  judge: Judge,
) -> None:
  """Keeps the candidates, their front, and how quality and price change with
  each single decision of the found network.

  Args:
    judged: all candidates, the found network among them.
    measure: what quality is, in words.
    judge: gives a choice vector's quality; asked of what is not in `judged`.
  """
  known = {j.vector: j for j in judged}

  def of(vector: Vector) -> Judged:
    if vector not in known:
      known[vector] = Judged(
        vector, job.pricing.of_vector(vector), judge(vector)
      )
    return known[vector]

  own, around = of(found), neighbours(job.space, found)
  rows = []
  labels = choices_in_words(job.space.spec)
  with progress('changing one decision at a time', len(around)) as bar:
    for tag, index, vector in around:
      other = of(vector)
      rows.append(
        {
          'decision': tag,
          'choice': labels[tag][index],
          'quality': other.quality - own.quality,
          'ms': other.ms - own.ms,
        }
      )
      bar.advance()
  chosen = dict(zip(job.space.tags, found, strict=True))
  write_json(
    job.folder / 'evidence.json',
    {
      'measure': measure,
      'found': _plain(own),
      'chosen': {tag: labels[tag][i] for tag, i in chosen.items()},
      'candidates': [_plain(j) for j in judged],
      'front': [_plain(j) for j in front(judged)],
      'sensitivity': rows,
    },
  )


def _plain(one: Judged) -> dict[str, Any]:
  return {'vector': list(one.vector), 'ms': one.ms, 'quality': one.quality}
