"""What was found, in one sentence, and whether it won."""

import statistics
from dataclasses import dataclass

from mobilenet_jax.latency.bounds import in_window
from mobilenet_jax.report.markup import Html, join, tag
from mobilenet_jax.report.noise import Difference, difference
from mobilenet_jax.report.reading import Contender, Run
from mobilenet_jax.report.units import (
  milliseconds,
  percent,
  plural,
  points,
  short,
)

MARKS = {'won': '✓', 'even': '≈', 'lost': '✗'}  # even: chance may be all


def headline(run: Run) -> Html:
  """The top of the page."""
  data = run.config.get('data', {}).get('name', 'images')
  title = f'A network for {data} at {milliseconds(run.target_ms)}'
  return tag(
    'header',
    tag('p', 'mobilenet-jax search report', class_='kicker'),
    tag('h1', title),
    tag('p', sentence(run), class_='lede'),
    tag('ul', *(_verdict(*v) for v in verdicts(run)), class_='verdicts'),
    tag('p', caution(run), class_='note'),
    _figures(run),
    tag('p', device(run), class_='note'),
  )


def mean_of_random(run: Run) -> float | None:
  """Mean test accuracy of the random networks, if there are any."""
  known = [c.accuracy for c in run.of_role('random')]
  return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Opponent:
  """What the found network is held against.

  Attributes:
    who: in words, after "beats".
    accuracies: on the test images; a training, or a network, each.
    networks: whether each is another network's.
  """

  who: str
  accuracies: tuple[float, ...]
  networks: bool = False

  @property
  def accuracy(self) -> float:
    """Mean over trainings, or networks."""
    return statistics.fmean(self.accuracies)

  def less(self, found: Contender) -> Difference:
    """How far the found network lies above. Beside other networks it counts
    once, however often it was trained."""
    own = (found.accuracy,) if self.networks else found.accuracies
    return difference(own, self.accuracies)


def opponents(run: Run) -> list[Opponent]:
  """Everything that the found network is held against."""
  found = []
  randoms = run.of_role('random')
  if randoms:
    count = plural(len(randoms), 'random network')
    each = tuple(c.accuracy for c in randoms)
    found.append(Opponent(f'the mean of {count}', each, networks=True))
  pick = picked(run)
  if pick is not None:
    found.append(
      Opponent(f'{pick.name}, the pick of a random search', pick.accuracies)
    )
  for c in run.of_role('scaled'):
    where = milliseconds(c.priced_ms)
    found.append(Opponent(f'{c.name} scaled to {where}', c.accuracies))
  return found


def picked(run: Run) -> Contender | None:
  """What a random search would have chosen: the random network that is best on
  the held-out images."""
  known = [c for c in run.of_role('random') if c.held_out is not None]
  return max(known, key=lambda c: c.held_out or 0.0) if known[1:] else None


def sentence(run: Run) -> str:
  """What was found and whether it beats the others, in one sentence."""
  found = run.found
  text = (
    f'The search found a network of {plural(len(found.spec.blocks), "block")} '
    f'and {milliseconds(found.priced_ms)} that answers '
    f'{percent(found.accuracy)} of the test images correctly'
  )
  held = [
    f'{_against(found.accuracy, other.accuracy)} {other.who} '
    f'({percent(other.accuracy)})'
    for other in opponents(run)
  ]
  if not held:
    return text + '; nothing was trained to compare it with.'
  return text + '; it ' + ' and it '.join(held) + '.'


def verdicts(run: Run) -> list[tuple[str, str]]:
  """(of `MARKS`, short words) against each opponent."""
  rows = []
  for other in opponents(run):
    found = other.less(run.found)
    if found.mean > 0:
      text = f'Beats {other.who}: {points(found.mean)} above'
    elif found.mean == 0:
      text = f'Only equals {other.who}'
    else:
      text = f'Does not beat {other.who}: {points(found.mean)} below'
    state = 'won' if found.mean > 0 else 'lost'
    rows.append(
      (state if found.certain else 'even', text + _beside_chance(found))
    )
  return rows


def _beside_chance(found: Difference) -> str:
  if found.margin is None:
    return '; one training each does not say how much of it is chance'
  more = 'more than' if found.certain else 'within'
  return f'; {more} the ±{points(found.margin)} that chance explains (95%)'


def caution(run: Run) -> str:
  """How much the comparison can bear."""
  trainings = len(run.found.accuracies)
  often = 'once' if trainings == 1 else f'{trainings} times'
  words = f'Each network was trained {often}, from scratch, by the same recipe'
  seed = run.config.get('seed')
  if seed is not None:
    last = seed + trainings - 1
    words += f' (seed {seed})' if last == seed else f' (seeds {seed} to {last})'
  known = [c.accuracy for c in run.of_role('random')]
  if len(known) > 1:
    words += (
      f'; the random ones range from {percent(min(known))} to '
      f'{percent(max(known))}'
    )
  if run.cost:
    words += (
      f'; the search saw {short(run.cost["search"])} images (one seen without '
      f'learning counts a third){_narrowed(run)}, the training of the random '
      f'networks {short(run.cost["random"])}'
    )
  for c in run.of_role('scaled'):
    off = c.priced_ms / run.found.priced_ms - 1
    if not in_window(c.priced_ms, run.found.priced_ms, run.tolerance):
      words += (
        f'; {c.name} is priced {abs(off):.1%} '
        f'{"below" if off < 0 else "above"} the found one, more than the '
        f'±{run.tolerance:.0%} allowed to the others'
      )
  return words + '.'


def _narrowed(run: Run) -> str:
  """What of the cost of a search is NetAdapt's."""
  images = run.cost.get('narrowing', 0)
  if not images:
    return ''
  return (
    f', up to about {short(images)} of them to train its seed and to narrow it '
    'by NetAdapt'
  )


def device(run: Run) -> Html:
  """What the latency was measured on, and how."""
  p = {name: str(value) for name, value in run.provenance.items()}
  threads = p['threads'] + (' thread' if p['threads'] == '1' else ' threads')
  text = (
    f'{p["chip"]}, {p["device"]}, {threads}, {p["affinity"]}, '
    f'{p["runtime"]} {p["version"]} with {p["delegate"]}, {p["dtype"]}, '
    f'batch {p["batch"]}, {p["date"]}. Protocol: {p["protocol"]}.'
  )
  return join([tag('strong', 'Measured on '), text])


def _against(own: float, other: float) -> str:
  if own == other:
    return 'only equals'
  return 'beats' if own > other else 'does not beat'


def _verdict(state: str, text: str) -> Html:
  mark = tag('span', MARKS[state], class_='mark', aria_hidden='true')
  return tag('li', mark, text, class_=state)


def _figures(run: Run) -> Html:
  found: Contender = run.found
  shown = {
    'test accuracy': percent(found.accuracy),
    'priced latency': milliseconds(found.priced_ms),
    'measured latency': milliseconds(run.deployed['measured_ms']),
    'target latency': milliseconds(run.target_ms),
    'parameters': short(found.params),
    'multiply-adds': short(found.macs),
  }
  pairs = (
    tag('div', tag('dt', name), tag('dd', value))
    for name, value in shown.items()
  )
  return tag('dl', *pairs, class_='figures')
