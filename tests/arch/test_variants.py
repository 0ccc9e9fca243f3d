"""What a space may hold, and what each of its blocks can become."""

import pytest

from mobilenet_jax import arch
from mobilenet_jax.arch import InvertedResidual, OneOf, one_of


def space(*blocks):
  return arch.ArchSpec(
    name='s',
    resolution=8,
    blocks=(*blocks, arch.Pool(), arch.Dense(channels=2)),
  )


def ir(**fields):
  return InvertedResidual(
    **{'kernel': 3, 'expand_ratio': 4, 'channels': 16, **fields}
  )


def test_one_tag_decides_several_fields_each_with_its_own_values():
  spec = space(
    ir(channels=one_of('w', 16, 24)),
    ir(channels=one_of('w', 16, 24), keep=one_of('depth', False, True, True)),
    ir(channels=one_of('w', 16, 24), keep=one_of('depth', False, False, True)),
  )
  assert arch.decisions(spec) == {'w': 2, 'depth': 3}
  for depth in range(3):
    made = arch.resolve(spec, {'w': 1, 'depth': depth})
    assert [b.channels for b in made.blocks[:-2]] == [24] * (depth + 1)
    arch.check(made)


def test_variants_cross_a_block_with_the_width_it_is_given():
  spec = space(
    arch.Conv(kernel=3, channels=one_of('w', 8, 16)),
    ir(stride=2, kernel=one_of('k', 3, 5)),
  )
  row = arch.variants(spec)[1]
  assert row.tags == ('w', 'k')
  seen = {(io.in_channels, b.kernel, io.out_size) for _, b, io in row.each()}
  assert seen == {(8, 3, 4), (8, 5, 4), (16, 3, 4), (16, 5, 4)}


def test_a_slot_has_a_row_for_each_alternative_with_its_conditions():
  keep = one_of('depth', False, True, True)
  spec = space(
    arch.Conv(kernel=3, channels=16),
    one_of(
      'op',
      ir(kernel=one_of('k', 3, 5), keep=keep),
      arch.Conv(kernel=3, channels=16, keep=keep),
    ),
    one_of('skip', ir(), ir(keep=False)),
  )
  assert arch.decisions(spec) == {'op': 2, 'k': 2, 'depth': 3, 'skip': 2}
  _, first, second, third, *_ = arch.variants(spec)
  assert [row.index for row in (first, second, third)] == [1, 1, 2]
  assert first.tags == ('k',)
  assert not second.tags
  depth = OneOf((False, True, True), 'depth')
  assert first.conditions == (OneOf((True, False), 'op'), depth)
  assert second.conditions == (OneOf((False, True), 'op'), depth)
  assert third.conditions == (OneOf((True, False), 'skip'),)
  made = arch.resolve(spec, {'op': 1, 'k': 1, 'depth': 2, 'skip': 1})
  assert [b.kind for b in made.blocks] == ['conv', 'conv', 'pool', 'dense']


def test_one_decision_for_a_slot_and_its_depth_is_one_condition():
  keep = one_of('op', True, True, False)
  row = ir(keep=keep)
  spec = space(arch.Conv(kernel=3, channels=16), one_of('op', row, row, row))
  conditions = [row.conditions for row in arch.variants(spec)[1:-2]]
  assert conditions == [
    (OneOf((True, False, False), 'op'),),
    (OneOf((False, True, False), 'op'),),
  ]


def test_the_resolution_is_a_decision_as_far_as_it_is_seen():
  spec = space(
    arch.Conv(kernel=3, stride=2, channels=16),
    arch.Conv(kernel=3, stride=4, channels=16),
    arch.Conv(kernel=3, channels=16),
  ).replace(resolution=OneOf((8, 7, 5), 'resolution'))
  assert arch.decisions(spec) == {'resolution': 3}
  rows = arch.variants(spec)
  assert [row.tags for row in rows] == [('resolution',)] * 2 + [()] * 3
  assert rows[1].in_size == OneOf((4, 4, 3), 'resolution')
  assert rows[2].in_size == 1
  assert arch.resolve(spec, {'resolution': 1}).resolution == 7
  assert arch.from_json(arch.to_json(spec)) == spec


@pytest.mark.parametrize(
  ('blocks', 'says'),
  [
    ((ir(kernel=one_of('t')),), 'no choices'),
    ((ir(kernel=one_of('t', 3)), ir(kernel=one_of('t', 3, 5))), "tag 't'"),
    ((ir(stride=one_of('t', 1, 2)),), 'strides'),
    ((ir(), ir(channels=one_of('t', 16, 24))), 'residual=False'),
    ((ir(stride=2, keep=one_of('t', False, True)),), 'optional'),
    ((ir(), ir(expand_ratio=one_of('t', 1, 4))), 'expansion'),
    (
      (one_of('t', ir(channels=8), ir()),),
      r'block 1, alternative 1 \(ir\): the channels of its output, 16',
    ),
    (
      (ir(), one_of('t', ir(), ir(keep=one_of('d', True, False)))),
      'all alternatives share it',
    ),
    (
      tuple(
        arch.Conv(
          kernel=one_of('k', *range(1, 999)),
          channels=one_of('c', *range(1, 999)),
        )
        for _ in range(1)
      ),
      '996,004 variants; at most 100,000 fit',
    ),
  ],
)
def test_mistakes_in_a_space_are_named(blocks, says):
  with pytest.raises(arch.SpecError, match=says):
    arch.decisions(space(*blocks))
    arch.variants(space(arch.Conv(kernel=3, channels=8), *blocks))


def test_an_optional_block_needs_no_shortcut_to_leave_the_shape_alone():
  keep = one_of('t', True, False)
  for block in (
    ir(residual=False, keep=keep),
    arch.Conv(kernel=3, channels=16, keep=keep),
  ):
    spec = space(arch.Conv(kernel=3, channels=16), block)
    assert arch.variants(spec)[1].conditions == (keep,)
