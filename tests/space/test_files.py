"""A user's own space is a file, and what is wrong in it is one sentence."""

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.space import get_space

HEAD = """
from mobilenet_jax.arch import (
  ArchSpec, Conv, Dense, InvertedResidual, Pool, UniversalBottleneck, one_of,
)

def get_space(resolution, num_classes):
  stem = Conv(kernel=3, stride=2, channels=16)
  head = (Pool(), Dense(channels=num_classes))
  return ArchSpec(
    name='mine', resolution=resolution, blocks=(stem, {blocks} *head)
  )
"""
WIDE = (
  "InvertedResidual(kernel=3, expand_ratio=4, channels=one_of('w', 16, 24)),"
)


def write(tmp_path, text):
  path = tmp_path / 'mine.py'
  path.write_text(text)
  return str(path)


def with_blocks(tmp_path, blocks):
  return write(tmp_path, HEAD.format(blocks=blocks))


def test_a_file_is_a_space(tmp_path):
  path = with_blocks(
    tmp_path,
    """
  one_of('op',
    InvertedResidual(kernel=one_of('k', 3, 5), expand_ratio=4, channels=16),
    UniversalBottleneck(kernel=3, expand_ratio=2, channels=16),
  ),""",
  )
  space = get_space(path, None, 7)
  assert space.decisions == {'op': 2, 'k': 2}
  assert space.spec.resolution == 224
  assert get_space(path, 32, 7).spec.resolution == 32
  assert space.decode([1, 0]).num_classes == 7
  assert not [p for p in tmp_path.iterdir() if p.name != 'mine.py']


@pytest.mark.parametrize(
  ('blocks', 'says'),
  [
    (
      WIDE,
      (
        'mine, block 1 (ir): its widths agree for some choices and not for '
        'others, so whether it has a shortcut is unclear; set residual=False '
        'or share the tag of the widths.'
      ),
    ),
    (
      (
        "Conv(kernel=one_of('k', 3, 5), channels=8), "
        "Conv(kernel=one_of('k', 3, 5, 7), channels=8),"
      ),
      "mine, block 2: tag 'k' of kernel has 3 choices here and 2 elsewhere.",
    ),
    (
      "Conv(kernel=one_of('k'), channels=8),",
      'mine, block 1: kernel has no choices.',
    ),
    ("one_of('op'),", 'mine, block 1: block has no choices.'),
    (
      "Conv(kernel=3, channels=8, activation=one_of('a', 'relu', 'hardswis')),",
      (
        "mine, block 1 (conv): unknown activation 'hardswis'. "
        "Did you mean 'hard_swish'?"
      ),
    ),
    (
      "one_of('op', Conv(kernel=3, channels=8), Conv(kernel=3, channels=16)),",
      (
        'mine, block 1, alternative 1 (conv): the channels of its output, 16, '
        'differs from 8 of alternative 0.'
      ),
    ),
    (
      (
        "one_of('op', Conv(kernel=3, channels=8), "
        'Conv(kernel=3, channels=8, stride=2)),'
      ),
      (
        'mine, block 1, alternative 1 (conv): the size of its output, 56, '
        'differs from 112 of alternative 0.'
      ),
    ),
    (
      (
        "UniversalBottleneck(kernel=one_of('k', 0, 3), expand_ratio=2, "
        'stride=2, channels=8),'
      ),
      'mine, block 1 (uib): stride 2 needs a depthwise convolution.',
    ),
    (
      "Conv(kernel=3, channels=one_of('w', 8, 8.5)),",
      'mine, block 1 (conv): channels 8.5 is not a whole number in 1 to 65536.',
    ),
    (
      "Conv(kernel=3, channels=one_of('w', 8, 99999)),",
      (
        'mine, block 1 (conv): channels 99999 is not a whole number in 1 to '
        '65536.'
      ),
    ),
    (
      "Conv(kernel=[3], channels=one_of('w', 8, 16)),",
      'mine, block 1 (conv): kernel [3] is not a whole number in 1 to 65536.',
    ),
    (
      "Conv(kernel=3, channels=8, keep=one_of('there', True, False)),",
      (
        'mine, block 1 (conv): an optional block must leave the shape as it '
        'is, with stride 1 and as many channels out as in.'
      ),
    ),
    (
      (
        "one_of('op', Conv(kernel=3, channels=16, keep=False), "
        "Conv(kernel=3, channels=16, keep=one_of('there', True, False))),"
      ),
      (
        'mine, block 1, alternative 1 (conv): keep differs from that of '
        'alternative 0; where keep is searched, all alternatives share it.'
      ),
    ),
    (
      "Conv(kernel=3, channels=one_of('resolution', 8, 16)),",
      (
        "mine, block 1: the tag of channels is 'resolution'; 'resolution' is "
        'the tag of the resolution, and of nothing else.'
      ),
    ),
    ("'conv',", "mine, block 1: 'conv' is no block."),
    ("one_of('op', 3, 5),", 'mine, block 1: 3 is no block.'),
    (
      "Dense(channels=one_of('w', 8, 16)),",
      'mine, block 1 (dense): needs a pool before it.',
    ),
    ('', 'mine has nothing to decide, no OneOf.'),
    (
      "Conv(kernel=3, channels=one_of('w', 8, 16), stride=one_of('s', 1, 2)),",
      'mine, block 1 (conv): strides cannot be searched.',
    ),
  ],
)
def test_mistakes_in_a_space_are_named(tmp_path, blocks, says):
  path = with_blocks(tmp_path, blocks)
  with pytest.raises(UserError) as error:
    get_space(path, None, 10)
  assert str(error.value) == f'{path}: {says}'


@pytest.mark.parametrize(
  ('text', 'says'),
  [
    ('x = 1', ' has no function get_space(resolution, num_classes).'),
    (
      'x = 1\ny = 1 / 0',
      ', line 2, raises ZeroDivisionError: division by zero.',
    ),
    (
      'import nothing_such',
      ', line 1, raises ModuleNotFoundError: No module named',
    ),
    ('def get_space(:', ' raises SyntaxError: '),
    ('raise SystemExit(0)', ', line 1, raises SystemExit: 0.'),
    ('def get_space():\n  return 1', ' raises TypeError: get_space() takes 0'),
    (
      'def get_space(resolution, num_classes):\n  raise KeyError("a\\nb")',
      ", line 2, raises KeyError: 'a\\nb'.",
    ),
  ],
)
def test_mistakes_in_a_file_are_named(tmp_path, text, says):
  path = write(tmp_path, text)
  with pytest.raises(UserError) as error:
    get_space(path, None, 10)
  assert str(error.value).startswith(path + says)
  assert '\n' not in str(error.value)


def test_what_a_file_returns_is_checked(tmp_path):
  path = write(tmp_path, 'def get_space(resolution, num_classes):\n  return 1')
  with pytest.raises(UserError, match='returns a int, not an ArchSpec'):
    get_space(path, None, 10)
  with pytest.raises(UserError, match='No such file'):
    get_space(str(tmp_path / 'none.py'), None, 10)
  text = HEAD.format(
    blocks=WIDE.replace('channels=', 'residual=False, channels=')
  )
  path = write(tmp_path, text.replace('channels=num_classes', 'channels=4'))
  with pytest.raises(UserError, match='mine has 4 classes, not 10'):
    get_space(path, None, 10)
