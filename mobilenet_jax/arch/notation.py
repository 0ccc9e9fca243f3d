"""The string form of a spec: a header and one token a block.

    tiny@64 conv_k3_s2_c16_hs ir_k5_s2_e11/3_c24_se0.25_hs pool dense_c10_li

The header is `name@resolution`, followed where they are not the default by
`,ch1` (input channels) and `,eps1e-05` (batch norm's epsilon). In a token the
kind comes first, then its fields: k kernel, s stride, e expansion ratio, c
channels, se squeeze-and-excite ratio, an activation code, and `noskip` where
a shortcut is left out on purpose. Fields that hold their default (stride 1,
no squeeze-and-excite) are not written. In the spirit of timm's block strings.
"""

import re
from fractions import Fraction
from typing import Any

from mobilenet_jax.arch.spec import (
  ACTIVATIONS,
  KINDS,
  ArchSpec,
  Block,
  SpecError,
  check,
)
from mobilenet_jax.core.errors import did_you_mean

PREFIXES = {
  'kernel': 'k',
  'stride': 's',
  'expand_ratio': 'e',
  'channels': 'c',
  'squeeze_excite': 'se',
}  # field: the letters before its value, in the order of writing
CODES = {code: name for name, code in ACTIVATIONS.items()}
WHOLE = ('kernel', 'stride', 'channels')
HEADER = re.compile(
  r'(?P<name>[\w.-]+)@(?P<resolution>\d{1,5})'
  r'(?:,ch(?P<in_channels>\d{1,6}))?(?:,eps(?P<norm_epsilon>[\d.e+-]+))?'
)
FIELD = re.compile(r'(?P<prefix>se|[ksec])(?P<value>[\d.e+/-]+)')


def to_string(spec: ArchSpec) -> str:
  """Returns the string form of a concrete spec, read by `from_string`."""
  check(spec)
  header = f'{spec.name}@{spec.resolution}'
  if spec.in_channels != 3:
    header += f',ch{spec.in_channels}'
  if spec.norm_epsilon != 1e-3:
    header += f',eps{spec.norm_epsilon!r}'
  return ' '.join([header, *(block_to_string(b) for b in spec.blocks)])


def from_string(text: str) -> ArchSpec:
  """Reads a spec's string form.

  Raises:
    SpecError: it names the token that cannot be read and why.
  """
  if len(text) > 100_000:
    raise SpecError('A spec string is at most 100,000 characters long.')
  header, *tokens = text.split() or ['']
  match = HEADER.fullmatch(header)
  if not match:
    raise SpecError(
      f'A spec string starts with name@resolution, not {header!r}.'
    )
  fields: dict[str, Any] = {'name': match['name']}
  fields['resolution'] = int(match['resolution'])
  if match['in_channels']:
    fields['in_channels'] = int(match['in_channels'])
  if match['norm_epsilon']:
    fields['norm_epsilon'] = _number(match['norm_epsilon'], header)
  blocks = tuple(block_from_string(token) for token in tokens)
  return check(ArchSpec(blocks=blocks, **fields))


def block_to_string(block: Block) -> str:
  """Returns a block's token."""
  parts = [block.kind]
  for name, prefix in PREFIXES.items():
    value = getattr(block, name, None)
    left_out = (name, value) in (('stride', 1), ('squeeze_excite', 0))
    if value is not None and not left_out:
      parts.append(prefix + _digits(value))
  if hasattr(block, 'activation'):
    parts.append(ACTIVATIONS[block.activation])
  if not getattr(block, 'residual', True):
    parts.append('noskip')
  return '_'.join(parts)


def block_from_string(token: str) -> Block:
  """Reads one block's token."""
  kind, *parts = token.split('_')
  if kind not in KINDS:
    hint = did_you_mean(kind, KINDS)
    raise SpecError(f'Unknown block kind {kind!r} in {token!r}.{hint}')
  fields: dict[str, Any] = {}
  for part in parts:
    name, value = _field(part, token)
    if name in fields:
      raise SpecError(f'{name} stands twice in {token!r}.')
    fields[name] = value
  try:
    return KINDS[kind](**fields)
  except TypeError as error:
    reason = str(error).split('__init__() ')[-1]
    raise SpecError(f'In {token!r}: {reason}.') from error


def _field(part: str, token: str) -> tuple[str, Any]:
  if part in CODES:
    return 'activation', CODES[part]
  if part == 'noskip':
    return 'residual', False
  match = FIELD.fullmatch(part)
  if not match:
    raise SpecError(f'Cannot read {part!r} in {token!r}.')
  name = {v: k for k, v in PREFIXES.items()}[match['prefix']]
  value = _number(match['value'], token)
  if name in WHOLE:
    if value != int(value):
      raise SpecError(f'{name} in {token!r} is not a whole number.')
    value = int(value)
  return name, value


def _digits(value: float) -> str:
  """The shortest text that `_number` reads back as the same number."""
  if value == int(value):
    return str(int(value))
  ratio = Fraction(value).limit_denominator(999)
  text = f'{ratio.numerator}/{ratio.denominator}'
  exact = ratio.numerator / ratio.denominator == value
  return text if exact and len(repr(value)) > 6 else repr(value)


def _number(text: str, token: str) -> float:
  top, _, bottom = text.partition('/')
  try:
    value = float(top) / float(bottom) if bottom else float(top)
  except (ValueError, ZeroDivisionError):
    raise SpecError(f'Cannot read {text!r} in {token!r}.') from None
  if value != value or abs(value) == float('inf'):
    raise SpecError(f'{text!r} in {token!r} is not a finite number.')
  return value
