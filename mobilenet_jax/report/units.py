"""Numbers as a reader wants them."""

TIMES = '\u00d7'
MINUS = '\u2212'
SPACE = '\u00a0'  # between a number and its unit, never broken


def percent(share: float) -> str:
  """0.8951 as '89.51%'."""
  return f'{share:.2%}'


def points(difference: float) -> str:
  """A difference of two shares, without its sign: '1.26 points'."""
  return f'{abs(difference) * 100:.2f} points'


def signed_percent(share: float) -> str:
  """-0.014 as '-1.4%' with a proper minus sign."""
  sign = MINUS if share < 0 else '+'
  return f'{sign}{abs(share):.1%}'


def milliseconds(ms: float | None) -> str:
  """Three significant digits and the unit."""
  return 'not in the table' if ms is None else f'{rounded(ms)}{SPACE}ms'


def rounded(value: float, digits: int = 3) -> str:
  """`digits` significant digits, never with an exponent."""
  if value == 0:
    return '0'
  text = f'{value:.{digits - 1}e}'
  places = max(digits - 1 - int(text.split('e')[1]), 0)
  return f'{float(text):,.{places}f}'


def short(count: float) -> str:
  """1795106 as '1.80 M'."""
  for size, unit in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
    if count >= size:
      return f'{rounded(count / size)}{SPACE}{unit}'
  return f'{count:g}'


def duration(seconds: float) -> str:
  """Seconds as '6 min 21 s'."""
  if seconds < 60:
    return f'{seconds:.1f} s'
  minutes, rest = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f'{hours} h {minutes} min' if hours else f'{minutes} min {rest} s'


def plural(count: int, name: str) -> str:
  """'1 network', '3 networks'."""
  return f'{count} {name}' + ('' if count == 1 else 's')
