"""Every kind of image file, and everything that is none."""

import random

import numpy as np
import pytest
from PIL import ExifTags, Image

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import images
from mobilenet_jax.data.images import open_image, to_pixels
from mobilenet_jax.data.listing import find_images

COLOURS = np.array(
  [[[250, 10, 20], [10, 250, 20], [10, 20, 250]],
   [[200, 200, 40], [40, 40, 40], [220, 220, 220]]], np.uint8,
)  # fmt: skip
BLOCKS = COLOURS.repeat(16, 0).repeat(16, 1)  # [32, 48, 3]


def saved(tmp_path, name, image=None, **options):
  path = tmp_path / name
  (image or Image.fromarray(BLOCKS)).save(path, **options)
  return path


@pytest.mark.parametrize(
  ('name', 'options', 'tolerance'),
  [
    ('x.jpg', {'quality': 95, 'subsampling': 0}, 6),
    ('x.png', {}, 0),
    ('x.webp', {'quality': 95}, 16),
    ('y.webp', {'lossless': True}, 0),
    ('x.bmp', {}, 0),
    ('x.gif', {}, 8),
  ],
)
def test_formats(tmp_path, name, options, tolerance):
  pixels = open_image(saved(tmp_path, name, **options))
  assert (pixels.shape, pixels.dtype) == (BLOCKS.shape, np.uint8)
  middle = pixels[8::16, 8::16].astype(int)
  assert np.abs(middle - COLOURS).max() <= tolerance


def test_the_content_tells_the_format_and_not_the_name(tmp_path):
  path = saved(tmp_path, 'really_a.png').rename(tmp_path / 'x.JPEG')
  np.testing.assert_array_equal(open_image(path), BLOCKS)


@pytest.mark.parametrize('kind', ['jpg', 'png', 'webp'])
@pytest.mark.parametrize('way', range(1, 9))
def test_all_orientations_come_out_upright(tmp_path, kind, way):
  """What EXIF says was done to the picture is undone."""
  undo = {
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
    5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a.swapaxes(0, 1), 2), 8: lambda a: np.rot90(a, 1),
  }[way]  # fmt: skip
  exif = Image.Exif()
  exif[ExifTags.Base.Orientation] = way
  path = saved(tmp_path, f'x.{kind}', exif=exif, quality=95, lossless=True)
  with Image.open(path) as stored:
    expected = undo(np.asarray(stored.convert('RGB')))
  np.testing.assert_array_equal(open_image(path), expected)
  with Image.open(path) as picture:
    np.testing.assert_array_equal(to_pixels(picture), expected)


@pytest.mark.filterwarnings('ignore:::PIL')
def test_damaged_exif_does_not_cost_a_good_photo(tmp_path):
  exif = Image.Exif()
  exif[ExifTags.Base.Orientation] = 6
  path = saved(tmp_path, 'x.jpg', exif=exif)
  good = path.read_bytes()
  rng = random.Random(0)
  at = good.index(b'Exif') + 6
  shapes = set()
  for _ in range(40):
    data = bytearray(good)
    data[at + rng.randrange(len(exif.tobytes()) - 6)] = rng.randrange(256)
    path.write_bytes(data)
    shapes.add(open_image(path).shape)
  assert shapes == {(32, 48, 3), (48, 32, 3)}


def test_grey_and_sixteen_bits(tmp_path):
  ramp = np.arange(256, dtype=np.uint8).repeat(4).reshape(32, 32)
  grey = open_image(saved(tmp_path, 'g.png', Image.fromarray(ramp)))
  np.testing.assert_array_equal(grey, np.stack([ramp] * 3, -1))
  deep = ramp.astype(np.uint16) * 257  # 65535 is white
  path = saved(tmp_path, 'deep.png', Image.fromarray(deep))
  np.testing.assert_array_equal(open_image(path), grey)
  assert open_image(path, 1).shape == (32, 32, 1)
  bits = Image.fromarray(ramp > 127)
  assert set(np.unique(open_image(saved(tmp_path, 'b.png', bits)))) == {0, 255}


def test_cmyk(tmp_path):
  cmyk = Image.fromarray(BLOCKS).convert('CMYK')
  path = saved(tmp_path, 'x.jpg', cmyk, quality=95, subsampling=0)
  with Image.open(path) as stored:
    assert stored.mode == 'CMYK'
  middle = open_image(path)[8::16, 8::16].astype(int)
  assert np.abs(middle - COLOURS).max() <= 8


def test_transparency_is_laid_on_white(tmp_path):
  alpha = np.full((32, 48, 1), 255, np.uint8)
  alpha[:, :16], alpha[:, 16:32] = 0, 128
  rgba = Image.fromarray(np.concatenate([BLOCKS, alpha], -1))
  for name in ('x.png', 'x.webp'):
    path = saved(tmp_path, name, rgba, lossless=True)
    pixels = open_image(path)[8::16, 8::16].astype(int)
    assert (pixels[:, 0] == 255).all()
    half = (255 * 127 + COLOURS[:, 1].astype(int) * 128) / 255
    assert np.abs(pixels[:, 1] - half).max() <= 1
    np.testing.assert_array_equal(pixels[:, 2], COLOURS[:, 2])
    assert open_image(path, 4)[8, 8::16, 3].tolist() == [0, 128, 255]


def test_palettes_and_colour_keys(tmp_path):
  palette = Image.fromarray(BLOCKS).quantize(8, dither=Image.Dither.NONE)
  pixels = open_image(saved(tmp_path, 'p.png', palette))
  assert np.abs(pixels[8::16, 8::16].astype(int) - COLOURS).max() <= 1
  first = palette.getpixel((8, 8))
  clear = open_image(saved(tmp_path, 'c.png', palette, transparency=first))
  assert clear[8, 8].tolist() == [255, 255, 255]
  key = tuple(map(int, COLOURS[1, 1]))
  clear = open_image(saved(tmp_path, 'k.png', transparency=key))
  assert clear[24, 24].tolist() == [255, 255, 255]
  assert clear[8, 8].tolist() == COLOURS[0, 0].tolist()


def test_broken_files_are_named(tmp_path):
  """Cut anywhere or with wrong bytes: an image, or one sentence."""
  rng = random.Random(0)
  path = tmp_path / 'x'
  refused = 0
  for name in ('a.jpg', 'a.png', 'a.webp', 'a.bmp', 'a.gif'):
    good = saved(tmp_path, name).read_bytes()
    for _ in range(50):
      data = bytearray(good)
      if rng.random() < 0.5:
        data = data[: rng.randrange(len(data))]
      else:
        for _ in range(rng.choice((1, 10, 100))):
          data[rng.randrange(len(data))] = rng.randrange(256)
      path.write_bytes(data)
      try:
        assert open_image(path).shape[2] == 3
      except UserError as error:
        refused += 1
        assert str(path) in str(error)
        assert '\n' not in str(error)
  assert refused > 80


def test_what_is_no_image(tmp_path, monkeypatch):
  (tmp_path / 'x.png').write_text('not an image')
  with pytest.raises(UserError, match=r'x\.png is no image; known are JPEG'):
    open_image(tmp_path / 'x.png')
  for name in ('none.png', '', 'n' * 300):
    with pytest.raises(UserError):
      open_image(tmp_path / name)
  path = saved(tmp_path, 'large.png')
  monkeypatch.setattr(images, 'MAX_PIXELS', 48 * 32 - 1)
  monkeypatch.setattr(Image.Image, 'load', lambda _: pytest.fail('decoded'))
  with pytest.raises(UserError, match=r'large\.png of 48 x 32 pixels is too'):
    open_image(path)


def test_a_bomb_is_not_decoded(tmp_path):
  """A header that promises 1.6 billion pixels."""
  path = saved(tmp_path, 'bomb.bmp')
  data = bytearray(path.read_bytes())
  data[18:26] = (40_000).to_bytes(4, 'little') * 2
  path.write_bytes(data)
  with pytest.raises(UserError, match=r'bomb\.bmp'):
    open_image(path)


@pytest.mark.filterwarnings('error')
def test_a_picture_that_pillow_warns_of_is_refused_without_warning(tmp_path):
  path = saved(tmp_path, 'wide.png', Image.new('1', (20_000, 5_000)))
  with pytest.raises(UserError, match=r'wide\.png of 20000 x 5000 pixels is'):
    open_image(path)


def test_finding_images(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for name in ('b/2.JPG', 'b/1.png', 'b/c/3.webp', 'b/out/4.jpg', 'x.dat',
               'b/._1.png', 'b/.small/1.png', 'b/note.txt'):  # fmt: skip
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

  def found(*names, **options):
    return [path.as_posix() for path in find_images(names, **options)]

  everything = ['b/1.png', 'b/2.JPG', 'b/c/3.webp', 'b/out/4.jpg']
  assert found('b') == everything
  assert found('x.dat', 'b/2.JPG', 'b') == [
    'x.dat', 'b/2.JPG', 'b/1.png', *everything[2:],
  ]  # fmt: skip
  assert found('b', leave_out='b/out') == everything[:3]
  assert found('b/out', leave_out='b/out') == everything[3:]
  assert found('b/*.*') == everything[:2]
  assert found(f'{tmp_path}/**/*.webp') == [f'{tmp_path}/b/c/3.webp']
  for name, says in (
    ('none.png', "no image 'none.png'"),
    ('b/*.gif', 'holds no image files'),
    ('n' * 300, 'too long'),
  ):
    with pytest.raises(UserError, match=says):
      found('b', name)
