"""The JSON form of a spec, of a network or of a search space."""

import dataclasses
from typing import Any

from mobilenet_jax.arch.inputs import Inputs
from mobilenet_jax.arch.oneof import OneOf, decisions
from mobilenet_jax.arch.spec import KINDS, ArchSpec, Block, SpecError, check
from mobilenet_jax.core.errors import did_you_mean

FORMAT = 'mobilenet_jax.arch/1'


def to_json(spec: ArchSpec) -> dict[str, Any]:
  """Returns plain dicts and lists that `from_json` reads back exactly."""
  if not decisions(spec):
    check(spec)
  head = {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
  head['resolution'] = _closed(spec.resolution)
  head['blocks'] = [_slot_to_json(slot) for slot in spec.blocks]
  head['inputs'] = dataclasses.asdict(spec.inputs)
  return {'format': FORMAT, **head}


def from_json(value: Any) -> ArchSpec:
  """Reads a spec's JSON form.

  Raises:
    SpecError: it is no spec, or a field of it is wrong.
  """
  if not isinstance(value, dict) or value.get('format') != FORMAT:
    raise SpecError(f'Not an architecture: "format" is not {FORMAT!r}.')
  fields = {k: v for k, v in value.items() if k != 'format'}
  _check_names(fields, ArchSpec, 'architecture')
  blocks = fields.get('blocks')
  if not isinstance(blocks, list):
    raise SpecError('Not an architecture: "blocks" is not a list.')
  fields['blocks'] = tuple(_slot_from_json(b, i) for i, b in enumerate(blocks))
  if 'resolution' in fields:
    fields['resolution'] = _open(fields['resolution'])
  if 'inputs' in fields:
    fields['inputs'] = _inputs_from_json(fields['inputs'])
  spec = _build(ArchSpec, fields, 'architecture')
  return spec if decisions(spec) else check(spec)


def _inputs_from_json(value: Any) -> Inputs:
  if not isinstance(value, dict):
    raise SpecError('"inputs" is not an object.')
  _check_names(value, Inputs, 'inputs')
  triples = {
    k: tuple(v) if isinstance(v, list) else v for k, v in value.items()
  }
  return _build(Inputs, triples, 'inputs')


def _slot_to_json(slot: Any) -> dict[str, Any]:
  if isinstance(slot, OneOf):
    choices = [_block_to_json(block) for block in slot.choices]
    return {'one_of': choices, 'tag': slot.tag}
  return _block_to_json(slot)


def _closed(value: Any) -> Any:
  if isinstance(value, OneOf):
    return {'one_of': list(value.choices), 'tag': value.tag}
  return value


def _block_to_json(block: Block) -> dict[str, Any]:
  made: dict[str, Any] = {'kind': block.kind}
  for field in dataclasses.fields(block):
    value = getattr(block, field.name)
    if field.name != 'keep' or value is not True:
      made[field.name] = _closed(value)
  return made


def _slot_from_json(value: Any, index: int) -> Any:
  slot = _open(value)
  if isinstance(slot, OneOf):
    blocks = tuple(_block_from_json(block, index) for block in slot.choices)
    return OneOf(blocks, slot.tag)
  return _block_from_json(value, index)


def _block_from_json(value: Any, index: int) -> Block:
  where = f'block {index}'
  kind = value.get('kind') if isinstance(value, dict) else None
  if not isinstance(kind, str) or kind not in KINDS:
    hint = did_you_mean(str(kind), KINDS)
    raise SpecError(f'Unknown kind {kind!r} of {where}.{hint}')
  fields = {k: _open(v) for k, v in value.items() if k != 'kind'}
  _check_names(fields, KINDS[kind], where)
  return _build(KINDS[kind], fields, where)


def _open(value: Any) -> Any:
  if isinstance(value, dict) and set(value) == {'one_of', 'tag'}:
    choices, tag = value['one_of'], value['tag']
    if not isinstance(choices, list) or not isinstance(tag, str):
      raise SpecError('"one_of" is not a list, or its "tag" not a string.')
    return OneOf(tuple(choices), tag)
  return value


def _check_names(fields: dict[str, Any], cls: type, where: str) -> None:
  known = [f.name for f in dataclasses.fields(cls)]
  for name in fields:
    if name not in known:
      hint = did_you_mean(name, known)
      raise SpecError(f'Unknown field {name!r} of {where}.{hint}')


def _build(cls: type, fields: dict[str, Any], where: str) -> Any:
  try:
    return cls(**fields)
  except TypeError as error:
    reason = str(error).split('__init__() ')[-1]
    raise SpecError(f'In {where}: {reason}.') from error
