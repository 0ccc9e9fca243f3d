"""Teaches a network that has learnt something else your own photos.

    mobilenet-jax train --config=configs/transfer.py --workdir=runs/photos \
      --config.data.name=folder:photos --config.model.weights=v3_small.pth \
      --config.model.source=torchvision --config.model.name=mobilenet_v3_small

`photos/` has one subfolder a class; 20 images each will do. The weights are a
file of another library (`model.source` says which), one that import-weights
wrote, or the run folder of a training. Their head is replaced. The best weights
by the validation split are the result, and training ends once ten validations
have brought nothing better. The run folder then has `confusion.png` and `.csv`,
`mistakes.png` with the worst of them, accuracy per class in `result.json`, and
`model.tflite` with the names of the classes inside.

Blocks learn the slower the earlier they are (layer decay as in BEiT, arXiv
2106.08254); `--config.train.freeze=stride16` lets all of them up to there stay
instead, which is faster. Letters and digits are not to be mirrored:
`--config.data.augment.flip=0.0`. Classes of very different sizes:
`--config.train.class_weights=balanced`.

Seen on 2 CPU cores in half a minute of the processor, a small network at 32 px:
of five digits, 20 images each, 59.3 % of the test scenes are right with weights
that knew the other five, and 25.2 % from scratch (experiments/transfer, three
seeds). Never run here: photos with ImageNet's weights; rate, layer decay and
patience are a guess for them.

Variant: `configs/transfer.py:runlocal` takes a few steps, at 32 px.
"""

import dataclasses

from ml_collections import ConfigDict

from mobilenet_jax.data.augment import Augmentation
from mobilenet_jax.jobs.defaults import training_config
from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen

PHOTOS = Augmentation(
  crop='inception',
  area=(0.35, 1.0),  # a small part of a photo often does not show the thing
  flip=0.5,
  brightness=0.3,
  contrast=0.3,
  saturation=0.3,
)


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = training_config()
  config.deliver = True  # ends with pictures, tables and a .tflite

  config.model.name = 'mobilenet_v3_small'
  config.model.resolution = 32 if local else 0

  config.data.augment = ConfigDict(dataclasses.asdict(PHOTOS))
  # 'auto' takes the splits that there are, and cuts what there is not
  config.data.train_split = 'auto'
  config.data.held_out_split = 'auto'
  config.data.test_split = 'auto'

  config.train.steps = 4 if local else 600
  config.train.batch = 8 if local else 16
  config.train.label_smoothing = 0.1
  config.train.dropout = 0.2
  config.train.norm_momentum = 0.95
  config.train.layer_decay = 0.8
  config.train.patience = 0 if local else 10
  config.train.log_every = 1 if local else 10
  config.train.save_every = 2 if local else 20  # and validate

  optimizer = config.train.optimizer
  optimizer.name = 'adamw'
  optimizer.learning_rate = 2e-3  # of the head
  optimizer.schedule = 'cosine'
  optimizer.warmup = 0.1
  optimizer.weight_decay = 0.01
  optimizer.clip_norm = 1.0
  return config
