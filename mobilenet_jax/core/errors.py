"""What can go wrong without being a bug, and how to suggest what was meant.

A `UserError` holds one sentence that names the bad value, where it came from
and what would be valid; a `JobError` one that says why right input led to
nothing, and what to try. The command line prints them and exits with status 2
and 1. A `Terminated` run was asked to stop and has saved what it had: status
143. Any other exception is a bug of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
  """Wrong input from the user, told in one sentence."""


class JobError(RuntimeError):
  """A job that failed on right input, told in one sentence."""


class DivergedError(JobError):
  """A training that has diverged: the fault of its network, or its settings."""


class Terminated(Exception):
  """A job that SIGTERM has stopped; the same command resumes it."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
  """Returns ' Did you mean X?' for the nearest known name, else the names."""
  known = sorted(known)
  near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
  if near:
    return f' Did you mean {near[0]!r}?'
  shown = ', '.join(known[:12]) + (', ...' if len(known) > 12 else '')
  return f' Known: {shown}.'
