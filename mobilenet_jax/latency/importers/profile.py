"""What `benchmark_model --enable_op_profiling=true` prints, or its CSV.

    Operator-wise Profiling Info for Regular Benchmark Runs:
    ============================== Run Order ==============================
         [node type]  [first]  [avg ms]  [%]  [cdf%]  [mem KB] ...  [Name]
             CONV_2D    0.210     0.198  4.1%   4.1%     0.000   1  [stem]:0
    ...
    Number of nodes executed: 65

The CSV has the same parts, with commas; a node type may itself have commas.
Times are milliseconds, a call's mean. Delegates print their operations in the
same list or in one after it.
"""

import re
from dataclasses import dataclass

from mobilenet_jax.core.errors import UserError

PART = 'Operator-wise Profiling Info'
ORDER = re.compile(r'=+ Run Order =+')
NUMBER = r'(?:\d[\d.]*(?:e[-+]?\d+)?|-?nan|-?inf)'
GAP = r'(?:,\s*|\s+)'
LINE = re.compile(
  rf'(?P<type>\S.*?){GAP}(?:{NUMBER}{GAP}){{1,2}}(?P<ms>{NUMBER}){GAP}'
  rf'{NUMBER}%{GAP}{NUMBER}%{GAP}{NUMBER}{GAP}(?P<calls>\d+){GAP}(?P<name>.*)'
)
EXECUTED = re.compile(r'Number of nodes executed: (\d{1,9})')
MOST_LINE = 1000
WRAPPER = re.compile(r'TfLite\w*Delegate\w*|\w*Delegate(?:V\d)?|DELEGATE')


@dataclass(frozen=True)
class Op:
  """An operation of a profile.

  Attributes:
    type: as the tool names it, such as 'CONV_2D'.
    ms: a call's mean.
    name: of its output.
  """

  type: str
  ms: float
  name: str

  def __str__(self) -> str:
    return f'{self.type} ({self.name})'


def read_profile(text: str, where: str) -> list[Op]:
  """Operations in the order in which they ran.

  Raises:
    UserError: the text has no profile, is cut off, or merges operations.
  """
  _, part, text = text.partition(PART)
  if not part:
    raise UserError(
      f'{where} has no "{PART}": run benchmark_model with '
      '--enable_op_profiling=true.'
    )
  ops: list[Op] = []
  lists = ORDER.split(text)[1:]
  for listing in lists:
    ops += _listing(listing.strip('\n').split('\n'), where)
  if not ops:
    raise UserError(f'{where}: the profile lists no operations.')
  inner = [op for op in ops if not WRAPPER.fullmatch(op.type)]
  if not inner:
    raise UserError(
      f'{where}: delegate {ops[0].type} does not show its operations.'
    )
  return inner


def _listing(lines: list[str], where: str) -> list[Op]:
  head = lines[0]
  if 'avg ms' not in head and 'avg_ms' not in head:
    raise UserError(
      f'{where}: no column of times in ms in {head.strip()[:80]!r}.'
    )
  ops = []
  for line in lines[1:]:
    if not line.strip() or line.startswith('==='):
      break
    ops.append(_op(line.strip(), where))
  executed = EXECUTED.search('\n'.join(lines))
  if not executed or int(executed[1]) != len(ops):
    wanted = executed[1] if executed else 'no'
    raise UserError(
      f'{where} is cut off: {len(ops)} operations are listed and {wanted} '
      'nodes said to be executed.'
    )
  return ops


def _op(line: str, where: str) -> Op:
  match = LINE.fullmatch(line) if len(line) <= MOST_LINE else None
  try:
    ms = float(match['ms']) if match else -1.0
  except ValueError:
    ms = -1.0
  if not match or not 0 <= ms < 1e6:
    raise UserError(f'{where}: cannot read {line[:200]!r}.')
  op = Op(match['type'], ms, match['name'].replace('\t', ',').strip())
  if match['calls'] != '1':
    raise UserError(
      f'{where}: {op} was called {match["calls"]} times, so that operations '
      'of several blocks are in one line.'
    )
  return op
