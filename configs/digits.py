"""Trains one network on digit_scenes, with the quickstart's recipe.

    mobilenet-jax train --config=configs/digits.py --workdir=runs/digits \
      --config.model.name=mobilenet_v3_small --config.model.width=0.5

`model.name` is a name of the zoo, an arch.json or a spec string. Variant:
`configs/digits.py:runlocal` takes a few steps of 32 px scenes only.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen, digits_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = digits_config(local=bool(local))
  config.model.name = 'mobilenet_v3_small'
  return config
