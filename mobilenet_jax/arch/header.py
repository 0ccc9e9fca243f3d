"""The header of a spec string: `name@resolution` and what is not the default.

    mobilenet_v2@224,eps1e-05,sym,mean0.485/0.456/0.406,std0.229/0.224/0.225

Options: ch1 (input channels), eps1e-05 (batch norm's epsilon), sym (symmetric
padding), bg (class 0 is background), and of the inputs mean, std, crop0.9,
squash (no crop) and bicubic or nearest.
"""

import re
from typing import Any

from mobilenet_jax.arch.inputs import INTERPOLATIONS, TENSORFLOW, Inputs
from mobilenet_jax.arch.spec import ArchSpec, SpecError

HEADER = re.compile(r'(?P<name>[\w.-]+)@(?P<resolution>\d{1,5})(?P<more>,.*)?')
OPTION = re.compile(r'(?P<code>ch|eps|mean|std|crop)(?P<value>[\d.e+/-]+)')
WORDS: dict[str, tuple[str, Any]] = {
  'sym': ('padding', 'symmetric'),
  'bg': ('background', True),
  'squash': ('squash', True),
  **{name: ('interpolation', name) for name in INTERPOLATIONS},
}
OF_INPUTS = ('mean', 'std', 'crop', 'squash', 'interpolation')


def to_header(spec: ArchSpec) -> str:
  """Returns the header of a spec."""
  usual, inputs, plain = (
    ArchSpec(name='x', resolution=1, blocks=()), spec.inputs, TENSORFLOW,
  )  # fmt: skip
  parts = [f'{spec.name}@{spec.resolution}']
  if spec.in_channels != usual.in_channels:
    parts.append(f'ch{spec.in_channels}')
  if spec.norm_epsilon != usual.norm_epsilon:
    parts.append(f'eps{spec.norm_epsilon!r}')
  for name in ('mean', 'std'):
    values = getattr(inputs, name)
    if values != getattr(plain, name):
      parts.append(name + '/'.join(map(repr, values)))
  if inputs.crop != plain.crop:
    parts.append(f'crop{inputs.crop!r}')
  for word, (name, value) in WORDS.items():
    home = inputs if name in OF_INPUTS else spec
    default = plain if name in OF_INPUTS else usual
    if getattr(home, name) == value != getattr(default, name):
      parts.append(word)
  return ','.join(parts)


def from_header(text: str) -> dict[str, Any]:
  """Returns the fields of `ArchSpec`, blocks left out.

  Raises:
    SpecError: it is none.
  """
  match = HEADER.fullmatch(text)
  if not match:
    raise SpecError(f'A spec string starts with name@resolution, not {text!r}.')
  found: dict[str, Any] = {}
  for option in (match['more'] or '')[1:].split(',') if match['more'] else ():
    name, value = _option(option, text)
    if name in found:
      raise SpecError(f'{name} stands twice in {text!r}.')
    found[name] = value
  inputs = Inputs(**{k: found.pop(k) for k in OF_INPUTS if k in found})
  size = int(match['resolution'])
  return {'name': match['name'], 'resolution': size, 'inputs': inputs, **found}


def _option(option: str, text: str) -> tuple[str, Any]:
  if option in WORDS:
    return WORDS[option]
  match = OPTION.fullmatch(option)
  if not match:
    raise SpecError(f'Cannot read {option!r} in {text!r}.')
  code, value = match['code'], match['value']
  if code in ('mean', 'std'):
    values = tuple(number(part, text) for part in value.split('/'))
    if len(values) != 3:
      raise SpecError(f'{code} in {text!r} is not three numbers.')
    return code, values
  if code == 'ch':
    count = number(value, text)
    if count != int(count):
      raise SpecError(f'ch in {text!r} is not a whole number.')
    return 'in_channels', int(count)
  return {'eps': 'norm_epsilon', 'crop': 'crop'}[code], number(value, text)


def number(text: str, where: str) -> float:
  """Reads a number or a ratio of two.

  Raises:
    SpecError: it is none, or not finite.
  """
  top, _, bottom = text.partition('/')
  try:
    value = float(top) / float(bottom) if bottom else float(top)
  except (ValueError, ZeroDivisionError):
    raise SpecError(f'Cannot read {text!r} in {where!r}.') from None
  if value != value or abs(value) == float('inf'):
    raise SpecError(f'{text!r} in {where!r} is not a finite number.')
  return value
