"""Optional dependencies, by the extra of setup.py that brings them."""

import importlib.util

from mobilenet_jax.core.errors import UserError

MODULES = {
  'tflite': ('tensorflow', 'ai_edge_litert'),
  'report': ('plotly', 'matplotlib'),
  'postgres': ('psycopg',),
}


def need(extra: str, what: str) -> None:
  """Refuses to go on without an extra.

  Args:
    what: that needs it, as the subject of a sentence.

  Raises:
    UserError: a module of it is not installed.
  """
  for module in MODULES[extra]:
    if importlib.util.find_spec(module) is None:
      raise UserError(
        f'{what} needs the extra [{extra}] ({module} is not installed): '
        f"pip install 'mobilenet-jax[{extra}]'."
      )
