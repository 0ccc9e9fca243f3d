"""Every field of a training config, each at a value that does nothing.

A config file starts from here and sets what its paper sets. What has no
neutral value (the network, the data, steps, batch and rate) is '' or 0, which
no job accepts.
"""

import dataclasses

from ml_collections import ConfigDict

from mobilenet_jax.data.augment import Augmentation


def training_config() -> ConfigDict:
  """Returns a new config of `mobilenet-jax train`."""
  config = ConfigDict()
  config.seed = 0
  config.deliver = False  # whether it ends as configs/transfer.py does
  config.model = _model()
  config.data = _data()
  config.train = _train()
  # devices that share a wide dense layer; the others share the batch
  config.train.mesh = ConfigDict({'model': 1})
  config.train.distill = _distill()
  config.train.optimizer = _optimizer()
  return config


def _model() -> ConfigDict:
  model = ConfigDict()
  model.name = ''  # of the zoo, an arch.json or a spec string
  model.width = 1.0
  model.resolution = 0  # 0 takes the images' own, or the weights'
  model.weights = ''  # a file or a run to begin with
  model.source = 'mobilenet_jax'  # the library that wrote the file
  return model


def _data() -> ConfigDict:
  data = ConfigDict()
  data.name = ''  # of TFDS, or folder:PATH
  data.dir = ''  # '' is TFDS's own folder
  # fields: mobilenet_jax/data/augment/plan.py
  data.augment = ConfigDict(dataclasses.asdict(Augmentation()))
  data.strict = False  # whether a broken image ends the job
  data.train_split = 'train'
  data.held_out_split = ''  # '' keeps the last weights, not the best
  data.test_split = 'test'
  return data


def _train() -> ConfigDict:
  train = ConfigDict()
  train.steps = 0
  train.batch = 0
  train.label_smoothing = 0.0
  train.dropout = 0.0
  train.drop_path = 0.0  # stochastic depth of the last block
  train.ema = 0.0  # decay of the moving averages; 0 is none
  train.accumulate = 1  # parts that a batch is taken in
  train.remat = False
  train.readers = 0  # threads that make batches; 0: see jobs/trainer.py
  train.dtype = 'float32'
  train.norm_momentum = 0.99
  train.batch_norm = 'global'  # or 'device': statistics of a device's images
  train.freeze = ''  # a block, an endpoint or a number: weights stay to there
  train.layer_decay = 1.0  # of the rate, from block to block backwards
  train.patience = 0  # validations without a better one; 0: no end
  train.class_weights = ''  # or 'balanced'
  train.log_every = 10
  train.save_every = 250
  return train


def _distill() -> ConfigDict:
  distill = ConfigDict()
  distill.teacher = ''  # none; a run folder; a name of weights
  distill.weights = ''  # a file or a hub name
  distill.source = 'mobilenet_jax'  # library of the weights
  distill.soft = 0.9  # share of the soft labels in the loss
  distill.temperature = 4.0
  distill.features = 0.0  # weight of the features' loss
  distill.student_endpoint = 'embedding'
  distill.teacher_endpoint = 'embedding'
  return distill


def _optimizer() -> ConfigDict:
  optimizer = ConfigDict()
  optimizer.name = 'sgd'
  optimizer.learning_rate = 0.0
  optimizer.schedule = 'constant'
  optimizer.warmup = 0.0  # a share of the steps
  optimizer.decay_rate = 0.97  # of 'exponential', as the next two
  optimizer.decay_every = 0.01  # a share of the steps
  optimizer.staircase = True
  optimizer.momentum = 0.9
  optimizer.nesterov = False
  optimizer.decay = 0.0  # of squared gradients; 0 is the usual
  optimizer.epsilon = 0.0  # 0 is the usual
  optimizer.weight_decay = 0.0
  optimizer.decay_depthwise = True
  optimizer.clip_norm = 0.0  # 0 is none
  return optimizer
