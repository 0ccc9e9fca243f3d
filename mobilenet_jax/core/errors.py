"""The one exception for a user's mistake, and how to suggest what was meant.

A `UserError` holds one sentence that names the bad value, where it came from
and what would be valid. The command line prints it and exits with status 2;
any other exception is a bug of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
  """Wrong input from the user, told in one sentence."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
  """Returns ' Did you mean X?' for the nearest known name, else the names."""
  known = sorted(known)
  near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
  if near:
    return f' Did you mean {near[0]!r}?'
  shown = ', '.join(known[:12]) + (', ...' if len(known) > 12 else '')
  return f' Known: {shown}.'
