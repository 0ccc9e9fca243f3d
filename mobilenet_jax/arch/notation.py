"""The string form of a spec: a header and one token a block.

    tiny@64 conv_k3_s2_c16_hs ir_k5_s2_e11/3_c24_se0.25_hs pool dense_c10_li

A token is a block's kind and then its fields by their codes: k kernel, s
stride, e expansion ratio, c channels, se squeeze-and-excite ratio, an
activation's code, and words such as `noskip` (see `fields`, and the classes
of `blocks`, `mobile` and `rivals`). Fields that hold their default are not
written, activations always are. In the spirit of timm's block strings. The
header is `header.to_header`'s.
"""

import dataclasses
import re
from fractions import Fraction
from typing import Any

from mobilenet_jax.arch.header import from_header, number, to_header
from mobilenet_jax.arch.spec import KINDS, ArchSpec, Block, SpecError, check
from mobilenet_jax.core.errors import did_you_mean

FIELD = re.compile(r'(?P<code>[a-z]+)(?P<value>\d[\d.e+/-]*)')


def to_string(spec: ArchSpec) -> str:
  """Returns the string form of a concrete spec, read by `from_string`."""
  check(spec)
  return ' '.join([to_header(spec), *(block_to_string(b) for b in spec.blocks)])


def from_string(text: str) -> ArchSpec:
  """Reads a spec's string form.

  Raises:
    SpecError: it names the token that cannot be read and why.
  """
  if len(text) > 100_000:
    raise SpecError('A spec string is at most 100,000 characters long.')
  header, *tokens = text.split() or ['']
  fields = from_header(header)
  blocks = tuple(block_from_string(token) for token in tokens)
  return check(ArchSpec(blocks=blocks, **fields))


def block_to_string(block: Block) -> str:
  """Returns a block's token."""
  parts = [block.kind]
  for field in dataclasses.fields(block):
    value, rule = getattr(block, field.name), field.metadata
    default = value == field.default
    if 'words' in rule and (rule['always'] or not default):
      parts.append(rule['words'][value])
    elif 'code' in rule and not default:
      parts.append(rule['code'] + _digits(value))
    elif 'word' in rule and not default:
      parts.append(rule['word'])
  return '_'.join(parts)


def block_from_string(token: str) -> Block:
  """Reads one block's token."""
  kind, *parts = token.split('_')
  if kind not in KINDS:
    hint = did_you_mean(kind, KINDS)
    raise SpecError(f'Unknown block kind {kind!r} in {token!r}.{hint}')
  fields: dict[str, Any] = {}
  for part in parts:
    name, value = _field(KINDS[kind], part, token)
    if name in fields:
      raise SpecError(f'{name} stands twice in {token!r}.')
    fields[name] = value
  try:
    return KINDS[kind](**fields)
  except TypeError as error:
    reason = str(error).split('__init__() ')[-1]
    raise SpecError(f'In {token!r}: {reason}.') from error


def _field(kind: type, part: str, token: str) -> tuple[str, Any]:
  """The field of a kind of block that a part of a token sets, and its value."""
  match = FIELD.fullmatch(part)
  for field in dataclasses.fields(kind):
    rule = field.metadata
    for name, code in rule.get('words', {}).items():
      if part == code:
        return field.name, name
    if part == rule.get('word'):
      return field.name, not field.default
    if match and match['code'] == rule.get('code'):
      value = number(match['value'], token)
      if field.type is not float:
        if value != int(value):
          raise SpecError(f'{field.name} in {token!r} is not a whole number.')
        value = int(value)
      return field.name, value
  raise SpecError(f'Cannot read {part!r} in {token!r}.')


def _digits(value: float) -> str:
  """The shortest text that `number` reads back as the same number."""
  if value == int(value):
    return str(int(value))
  ratio = Fraction(value).limit_denominator(999)
  text = f'{ratio.numerator}/{ratio.denominator}'
  exact = ratio.numerator / ratio.denominator == value
  return text if exact and len(repr(value)) > 6 else repr(value)
