"""One turn of one contender of `input.py`: images a second, warm.

python input_worker.py '{"name": "ours", "what": "crop", "threads": 1, ...}'
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image, features

BATCH, PX, CLASSES = 64, 224, 1000
WARM_UP = 6  # batches: more than are kept ready
JITTER = 0.4


def main() -> None:
  case = json.loads(sys.argv[1])
  cores = sorted(os.sched_getaffinity(0))
  os.sched_setaffinity(0, cores[: case['threads']])
  paths = sorted(Path(case['folder']).glob('*.jpg'))
  files = [path.read_bytes() for path in paths]
  ours = case['name'] == 'ours'
  batches, library = (our_batches if ours else tf_batches)(files, case)
  for _ in range(WARM_UP):
    next(batches)
  start, core_start, count = time.perf_counter(), time.process_time(), 0
  while time.perf_counter() - start < case['seconds']:
    count += len(next(batches)['image'])
  found = {
    'images_per_s': count / (time.perf_counter() - start),
    'images_per_core_s': count / (time.process_time() - core_start),
    'library': library,
  }
  print(json.dumps(found), flush=True)
  os._exit(0)  # threads may be at work


class Files:
  """Examples that are JPEG files in memory."""

  def __init__(self, files: Sequence[bytes]):
    self._files = files

  def __len__(self) -> int:
    return len(self._files)

  def __getitem__(self, i: int) -> dict[str, Any]:
    image, label = self.opened(i)
    return {'image': np.asarray(image), 'label': label}

  def opened(self, i: int) -> tuple[Image.Image, int]:
    return Image.open(io.BytesIO(self._files[i])), i % CLASSES


def our_batches(
  files: Sequence[bytes], case: Mapping[str, Any]
) -> tuple[Iterator[Any], str]:
  """Batches of `train_batches`."""
  from mobilenet_jax.arch import IMAGENET
  from mobilenet_jax.data.augment import Augmentation
  from mobilenet_jax.data.pipeline import train_batches
  from mobilenet_jax.data.sources import Source

  turbo = features.version('libjpeg_turbo') or 'none'
  library = (
    f'mobilenet_jax on Pillow {PIL.__version__} with libjpeg-turbo {turbo}'
  )
  if case['what'] == 'decode':
    return _decoded(files, case['threads']), library
  fields: dict[str, Any] = {'crop': 'inception', 'flip': 0.5}
  if case['what'] == 'jitter':
    fields |= {'brightness': JITTER, 'contrast': JITTER, 'saturation': JITTER}
  if case['what'] == 'full':
    fields |= {
      'policy': 'randaugment', 'magnitude_std': 0.5, 'brightness': JITTER,
      'contrast': JITTER, 'saturation': JITTER, 'erasing': 0.25, 'mixup': 0.2,
      'cutmix': 1.0,
    }  # fmt: skip
  names = tuple(str(i) for i in range(CLASSES))
  batches = train_batches(
    Source('files', 'train', names, Files(files)),
    batch=BATCH,
    seed=0,
    resolution=PX,
    augment=Augmentation(**fields),
    inputs=IMAGENET,
    threads=case['threads'],
  )
  return batches, library


def _decoded(files: Sequence[bytes], threads: int) -> Iterator[Any]:
  """Whole pictures, decoded by Pillow in as many threads."""
  import grain

  def decode(indices: Any) -> dict[str, Any]:
    images = (Image.open(io.BytesIO(files[i])) for i in indices)
    return {'image': [np.asarray(image) for image in images]}

  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=4)
  indices = grain.MapDataset.range(len(files)).repeat().batch(BATCH)
  return iter(indices.map(decode).to_iter_dataset(options))


def tf_batches(
  files: Sequence[bytes], case: Mapping[str, Any]
) -> tuple[Iterator[Any], str]:
  """Batches of tf.data."""
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  import tensorflow as tf

  threads = case['threads']
  tf.config.threading.set_inter_op_parallelism_threads(threads)
  tf.config.threading.set_intra_op_parallelism_threads(threads)
  make = {
    'decode': lambda tf, data: tf.io.decode_jpeg(data, channels=3),
    'crop': _cropped(case),
    'jitter': _jittered(_cropped(case)),
  }[case['what']]
  data = tf.data.Dataset.from_tensor_slices(list(files)).cache().repeat()
  data = data.shuffle(len(files), seed=0)
  data = data.map(
    lambda file: make(tf, file),
    num_parallel_calls=1 if threads == 1 else tf.data.AUTOTUNE,
    deterministic=False,
  )
  data = data.batch(BATCH, drop_remainder=True).prefetch(4)
  options = tf.data.Options()
  options.threading.private_threadpool_size = threads
  batches = ({'image': images} for images in data.with_options(options))
  how = ' decoding the crop' if case['name'].endswith('crop') else ''
  return batches, f'tf.data{how} on tensorflow {tf.__version__}'


def _cropped(case: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
  """Inception crop, resize, flip and ImageNet's mean and std."""
  only_crop = case['name'].endswith('crop')

  def make(tf: Any, file: Any) -> Any:
    if only_crop:
      shape = tf.io.extract_jpeg_shape(file)
    else:
      image = tf.io.decode_jpeg(file, channels=3)
      shape = tf.shape(image)
    start, size, _ = tf.image.sample_distorted_bounding_box(
      shape,
      tf.zeros([0, 0, 4]),
      area_range=(0.08, 1.0),
      aspect_ratio_range=(3 / 4, 4 / 3),
      max_attempts=10,
      use_image_if_no_bounding_boxes=True,
    )
    (top, left, _), (height, width, _) = (
      tf.unstack(v, num=3) for v in (start, size)
    )
    if only_crop:
      window = tf.stack([top, left, height, width])
      image = tf.io.decode_and_crop_jpeg(file, window, channels=3)
    else:
      image = tf.image.crop_to_bounding_box(image, top, left, height, width)
    image = tf.image.resize(image, [PX, PX])  # bilinear, not antialiased
    image = tf.image.random_flip_left_right(image)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return (image / 255 - mean) / std

  return make


def _jittered(make: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
  def jitter(tf: Any, file: Any) -> Any:
    image = make(tf, file)
    image = tf.image.random_brightness(image, JITTER)
    image = tf.image.random_contrast(image, 1 - JITTER, 1 + JITTER)
    return tf.image.random_saturation(image, 1 - JITTER, 1 + JITTER)

  return jitter


if __name__ == '__main__':
  main()
