"""MobileNets in JAX: the family, exact, and the search for the next one.

    import mobilenet_jax as mnj
    spec = mnj.get_arch('mobilenet_v3_small', width=0.75)
    mnj.count(spec)                    # Counts(params=2041872, macs=43399344)
    model = mnj.create_model(spec)     # a Linen module
    mnj.LatencyTable.load('runs/quickstart/latency.csv').predict(spec)

Importing this is light; JAX is imported when it is first needed.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from mobilenet_jax.arch import ArchSpec as ArchSpec
  from mobilenet_jax.arch import Counts as Counts
  from mobilenet_jax.arch import count as count
  from mobilenet_jax.core.errors import UserError as UserError
  from mobilenet_jax.data.images import open_image as open_image
  from mobilenet_jax.data.labels import imagenet_labels as imagenet_labels
  from mobilenet_jax.data.labels import read_labels as read_labels
  from mobilenet_jax.data.preprocess import preprocess as preprocess
  from mobilenet_jax.latency.table import Latency as Latency
  from mobilenet_jax.latency.table import LatencyTable as LatencyTable
  from mobilenet_jax.models import get_arch as get_arch
  from mobilenet_jax.models import list_models as list_models
  from mobilenet_jax.models.create import create_model as create_model
  from mobilenet_jax.models.pretrained import Pretrained as Pretrained
  from mobilenet_jax.models.pretrained import load_pretrained as load_pretrained
  from mobilenet_jax.models.pretrained import save_weights as save_weights
  from mobilenet_jax.tasks.features import features as features
  from mobilenet_jax.tasks.predictions import Prediction as Prediction
  from mobilenet_jax.tasks.predictions import (
    decode_predictions as decode_predictions,
  )

__version__ = '0.1.0'
_HOMES = {
  'ArchSpec': 'arch',
  'Counts': 'arch',
  'count': 'arch',
  'UserError': 'core.errors',
  'Latency': 'latency.table',
  'LatencyTable': 'latency.table',
  'get_arch': 'models',
  'list_models': 'models',
  'create_model': 'models.create',
  'Pretrained': 'models.pretrained',
  'load_pretrained': 'models.pretrained',
  'save_weights': 'models.pretrained',
  'imagenet_labels': 'data.labels',
  'read_labels': 'data.labels',
  'open_image': 'data.images',
  'preprocess': 'data.preprocess',
  'decode_predictions': 'tasks.predictions',
  'Prediction': 'tasks.predictions',
  'features': 'tasks.features',
}
__all__ = [*_HOMES, '__version__']


def __getattr__(name: str) -> Any:
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  home = importlib.import_module(f'{__name__}.{_HOMES[name]}')
  return getattr(home, name)


def __dir__() -> list[str]:
  return sorted(__all__)
