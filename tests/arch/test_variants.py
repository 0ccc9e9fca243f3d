"""What a space may hold, and what each of its blocks can become."""

import pytest

from mobilenet_jax import arch
from mobilenet_jax.arch import InvertedResidual, one_of


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


@pytest.mark.parametrize(
  ('blocks', 'says'),
  [
    ((ir(kernel=one_of('t')),), 'no choices'),
    ((ir(kernel=one_of('t', 3)), ir(kernel=one_of('t', 3, 5))), "tag 't'"),
    ((ir(stride=one_of('t', 1, 2)),), 'strides'),
    ((ir(), ir(channels=one_of('t', 16, 24))), 'residual=False'),
    ((ir(stride=2, keep=one_of('t', False, True)),), 'optional'),
    ((ir(), ir(expand_ratio=one_of('t', 1, 4))), 'expansion'),
  ],
)
def test_mistakes_in_a_space_are_named(blocks, says):
  with pytest.raises(arch.SpecError, match=says):
    arch.decisions(space(*blocks))
    arch.variants(space(arch.Conv(kernel=3, channels=8), *blocks))
