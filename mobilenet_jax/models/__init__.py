"""The zoo. Importing it registers every family and imports no JAX."""

from mobilenet_jax.models import mobilenet_v3 as _mobilenet_v3
from mobilenet_jax.models.registry import get_arch, list_models

__all__ = ['get_arch', 'list_models']
del _mobilenet_v3
