"""Latency tables of other projects, as ours.

`formats` lists them and says what each publishes of itself; a file for each
format turns a text into rows; `read` opens files of unknown origin, `places`
makes keys and timings. A file is imported whole or refused; what has no kind
of ours is counted in the provenance as 'skipped'.
"""

from mobilenet_jax.latency.importers.formats import FORMATS
from mobilenet_jax.latency.importers.load import import_table

__all__ = ['FORMATS', 'import_table']
