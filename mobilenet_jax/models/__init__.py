"""The zoo. Importing it registers every family and imports no JAX."""

import importlib

from mobilenet_jax.models.registry import get_arch, get_model, list_models

__all__ = ['get_arch', 'get_model', 'list_models']

for _family in (
  'efficientnet', 'mnasnet', 'mobilenet_edgetpu', 'mobilenet_v1',
  'mobilenet_v2', 'mobilenet_v3', 'mobilenet_v4', 'searched', 'shufflenet_v1',
  'shufflenet_v2', 'squeezenet', 'yardsticks',
):  # fmt: skip
  importlib.import_module(f'{__name__}.{_family}')
