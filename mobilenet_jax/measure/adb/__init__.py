"""The instrument for an Android phone: TFLite's benchmark_model over adb."""

from mobilenet_jax.measure.adb.connection import phones
from mobilenet_jax.measure.adb.phone import Phone

__all__ = ['Phone', 'phones']
