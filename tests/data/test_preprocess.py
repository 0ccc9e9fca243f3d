"""A network's input, to the bit as the libraries of its weights make it."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mobilenet_jax.arch import IMAGENET, ArchSpec, Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.preprocess import preprocess, resize_and_crop, resized

RAW = {'mean': (0.0, 0.0, 0.0), 'std': (1.0, 1.0, 1.0)}


def spec(resolution, in_channels=3, **inputs):
  return ArchSpec(
    name='x',
    resolution=resolution,
    blocks=(),
    in_channels=in_channels,
    inputs=Inputs(**inputs),
  )


def picture(height, width):
  """A picture by a formula: uint8 [H, W, 3]."""
  y, x = np.mgrid[:height, :width]
  values = (x * x + 3 * y, 7 * x + y * y, x * y)
  return (np.stack(values, -1) % 256).astype(np.uint8)


@pytest.mark.parametrize(
  ('shape', 'side', 'crop', 'interpolation', 'golden', 'mean'),
  [  # made with torchvision 0.28.0 and Pillow 13.0.0
    ((50, 71), 32, 0.875, 'bilinear',
     (1.4611696004867554, -0.9677870869636536, -0.42753803730010986),
     0.21997760218300755),
    ((83, 40), 32, 32 / 33, 'bicubic',
     (-0.9876701831817627, -0.5826330184936523, 1.8556864261627197),
     0.22060686978829835),
    ((61, 61), 24, 1.0, 'nearest',
     (-2.0494048595428467, -1.2303919792175293, 0.8622223734855652),
     0.21994012189221662),
  ],
)  # fmt: skip
def test_torchvisions_eval_transform(
  shape, side, crop, interpolation, golden, mean
):
  """Resize(36, 33, 24), CenterCrop(side), ToTensor, Normalize."""
  inputs = {'mean': IMAGENET.mean, 'std': IMAGENET.std, 'crop': crop}
  wanted = spec(side, **inputs, interpolation=interpolation)
  x = preprocess(picture(*shape), wanted)
  assert (x.shape, x.dtype) == ((side, side, 3), np.float32)
  found = (x[0, 0, 0], x[5, 7, 1], x[-1, -1, 2])
  np.testing.assert_allclose(found, golden, rtol=1e-6)
  assert x.astype(np.float64).mean() == pytest.approx(mean, rel=1e-9)


@pytest.mark.parametrize(
  ('interpolation', 'golden'),
  [('nearest', (24, 176, 128)), ('bilinear', (90, 179, 130)),
   ('bicubic', (85, 179, 131))],
)  # fmt: skip
def test_keras_load_img_and_tf_mode(interpolation, golden):
  """load_img(target_size=(32, 32)), then preprocess_input of MobileNet."""
  wanted = spec(32, squash=True, interpolation=interpolation)
  x = preprocess(picture(50, 71), wanted)
  np.testing.assert_allclose((x[5, 7] + 1) * 127.5, golden, atol=1e-4)


def test_sizes_are_those_of_torchvisions_resize():
  for (width, height), short, expected in (
    ((500, 375), 256, (341, 256)),
    ((375, 500), 256, (256, 341)),
    ((640, 480), 232, (309, 232)),
    ((480, 640), 232, (232, 309)),
    ((64, 64), 71, (71, 71)),
  ):
    assert resized(width, height, short) == expected


@pytest.mark.parametrize(
  ('width', 'left'), [(8, 0), (9, 0), (10, 1), (11, 2), (13, 2), (15, 4)]
)
def test_where_the_crop_starts(width, left):
  """At int(round(half the rest)), a half going to the even number."""
  columns = np.zeros((8, width, 3), np.uint8)
  columns[:] = np.arange(width)[:, None]
  cropped = resize_and_crop(columns, 8, Inputs(crop=1.0))
  assert cropped[0, :, 0].tolist() == list(range(left, left + 8))
  tall = resize_and_crop(columns.swapaxes(0, 1), 8, Inputs(crop=1.0))
  assert tall[:, 0, 0].tolist() == list(range(left, left + 8))


@pytest.mark.parametrize(
  ('side', 'crop', 'short'),
  [(224, 0.875, 256), (224, 224 / 232, 232), (224, 0.9, 248), (8, 8 / 9, 9),
   (256, 0.95, 269), (240, 240 / 255, 255), (224, 1.0, 224)],
)  # fmt: skip
def test_the_short_side_is_the_floor(side, crop, short):
  """A picture of that size is cropped and not resampled."""
  exact = picture(short, short)
  start = round((short - side) / 2)
  found = resize_and_crop(exact, side, Inputs(crop=crop))
  square = exact[start : start + side, start : start + side]
  np.testing.assert_array_equal(found, square)


def test_downscaling_is_antialiased():
  edge = np.repeat([0, 0, 0, 0, 255, 255, 255, 255], 3).reshape(1, 8, 3)
  pixels = np.tile(edge, (8, 1, 1)).astype(np.uint8)
  found = resize_and_crop(pixels, 4, Inputs(crop=1.0))
  # a triangle of twice the width: weights 1, 3, 3, 1 of 8
  assert found[0, :, 0].tolist() == [0, 32, 223, 255]


def test_forms_of_one_picture_give_one_input(tmp_path):
  pixels = picture(40, 50)
  path = tmp_path / 'x.png'
  Image.fromarray(pixels).save(path)
  wanted = spec(16)
  forms = [pixels, path, str(path), Image.fromarray(pixels)]
  x = preprocess(forms, wanted)
  assert x.shape == (4, 16, 16, 3)
  for one, form in zip(x, forms, strict=True):
    np.testing.assert_array_equal(one, x[0])
    np.testing.assert_array_equal(preprocess(form, wanted), one)
  stack = preprocess(np.stack([pixels, pixels]), wanted)
  np.testing.assert_array_equal(stack, x[:2])
  assert x.min() >= -1
  assert x.max() <= 1


def test_one_and_four_channels():
  pixels = picture(16, 16)
  grey = preprocess(pixels, spec(16, 1, crop=1.0, **RAW))
  luma = pixels @ np.array([0.299, 0.587, 0.114])
  assert grey.shape == (16, 16, 1)
  np.testing.assert_allclose(grey[..., 0] * 255, luma, atol=0.51)
  np.testing.assert_array_equal(
    preprocess(luma.astype(np.uint8), spec(16, 1, crop=1.0))[..., 0],
    preprocess(luma.astype(np.uint8), spec(16, crop=1.0))[..., 0],
  )
  alpha = np.full((16, 16, 1), 255, np.uint8)
  rgba = np.concatenate([pixels, alpha], -1)
  four = preprocess(rgba, spec(16, 4, crop=1.0))
  np.testing.assert_array_equal(
    four[..., :3], preprocess(pixels, spec(16, crop=1.0))
  )
  assert (four[..., 3] == 1).all()
  with pytest.raises(UserError, match='2 channels; 1, 3 and 4'):
    preprocess(pixels, spec(16, 2))


@pytest.mark.parametrize(
  ('images', 'says'),
  [
    (np.zeros((8, 8, 3), np.float32), r'float32 of shape \[8, 8, 3\]'),
    (np.zeros((8, 8, 5), np.uint8), r'\[8, 8, 5\] is no image'),
    (np.zeros((0, 8, 3), np.uint8), r'\[0, 8, 3\] is no image'),
    (object(), 'object of shape'),
    ([], 'no images'),
    ('none.png', r'none\.png is no file'),
    (np.zeros((1, 400_000, 3), np.uint8), 'resized from 400000 x 1'),
  ],
)
def test_what_is_no_picture(images, says):
  with pytest.raises(UserError, match=says):
    preprocess(images, spec(224))


def test_what_is_no_model():
  with pytest.raises(UserError, match='A str is neither a model'):
    preprocess(picture(8, 8), 'mobilenet_v2')


def test_no_jax_is_imported():
  code = (
    'import sys, mobilenet_jax as m\n'
    'm.preprocess, m.imagenet_labels(), m.decode_predictions, m.open_image\n'
    'assert not {"jax", "tensorflow"} & set(sys.modules)'
  )
  subprocess.run([sys.executable, '-c', code], check=True)
