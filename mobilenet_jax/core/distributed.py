"""Joins the processes of one job, as their environment describes it.

Any cluster: JAX_COORDINATOR_ADDRESS (HOST:PORT of process 0, a free port),
JAX_NUM_PROCESSES and JAX_PROCESS_ID. Under SLURM's srun, Open MPI's mpirun and
on Cloud TPUs nothing need be set: JAX finds out by itself.
"""

import atexit
import contextlib
import importlib.util
import os
import socket
import sys
from collections.abc import Iterator, Mapping

from mobilenet_jax.core import processes
from mobilenet_jax.core.errors import JobError, Terminated, UserError
from mobilenet_jax.core.lifeline import lifeline

ADDRESS, COUNT, ID = (
  'JAX_COORDINATOR_ADDRESS', 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID',
)  # fmt: skip
COUNTED = {
  'SLURM_NTASKS': 'SLURM_STEP_NODELIST',
  'OMPI_COMM_WORLD_SIZE': 'OMPI_COMM_WORLD_RANK',
}  # how many processes a scheduler has started, and what only they have


@contextlib.contextmanager
def joined() -> Iterator[None]:
  """Joins the job that the environment describes, if it describes one.

  When one process ends by an error or is killed, so do all others, at once:
  JAX alone leaves them waiting for it for minutes. To be entered before JAX
  computes anything.

  Raises:
    UserError: the environment's variables make no sense.
    JobError: the other processes cannot be reached.
  """
  if not _connect(os.environ) or processes.count() == 1:
    yield
    return
  named = os.environ.get(ADDRESS, '').rpartition(':')[0]
  host = named.strip('[]') or socket.gethostname()  # [::1] is one of IPv6
  with contextlib.ExitStack() as stack:
    stack.enter_context(_stdout_on_stderr())
    stack.enter_context(lifeline(host))
    try:
      yield
    except Terminated:
      raise
    except BaseException as error:
      statuses: dict[type[BaseException], int] = {
        UserError: 2,
        KeyboardInterrupt: 130,
      }
      # JAX would wait at exit for processes that do not come
      atexit.register(_leave, statuses.get(type(error), 1))
      raise


def described(environ: Mapping[str, str]) -> tuple[str, int, int] | None:
  """Address of process 0, count and index by the three variables, if any of
  those that number processes is set.

  Raises:
    UserError: they make no sense.
  """
  given = {name: environ.get(name, '') for name in (ADDRESS, COUNT, ID)}
  if not given[COUNT] and not given[ID]:
    return None
  missing = [name for name, value in given.items() if not value]
  if missing:
    there = next(name for name in (COUNT, ID) if given[name])
    raise UserError(
      f'{there} is set in the environment, but {missing[0]} is not; a job of '
      f'several processes needs {ADDRESS}, {COUNT} and {ID}.'
    )
  count, index = (_number(name, given[name]) for name in (COUNT, ID))
  host, _, port = given[ADDRESS].rpartition(':')
  if not host or not port.isdecimal():
    raise UserError(f'{ADDRESS} is {given[ADDRESS]!r}; it is HOST:PORT.')
  if index >= count:
    raise UserError(
      f'{ID} is {index} and {COUNT} {count}; processes are numbered from 0.'
    )
  return given[ADDRESS], count, index


def in_cluster(environ: Mapping[str, str]) -> bool:
  """Whether JAX may find a cluster: a scheduler has started several of us, or
  this computer has TPUs."""
  for name, mark in COUNTED.items():
    value = environ.get(name, '')
    if mark in environ and value.isdecimal() and int(value) > 1:
      return True
  return importlib.util.find_spec(
    'libtpu'
  ) is not None and 'tpu' in environ.get('JAX_PLATFORMS', 'tpu')


def _connect(environ: Mapping[str, str]) -> bool:
  """Starts JAX's runtime; returns whether there is a job to join."""
  job = described(environ)
  if (job is None and not in_cluster(environ)) or (job and job[1] == 1):
    return False
  import jax

  if jax.distributed.is_initialized():
    return True
  try:
    if job is not None:
      jax.distributed.initialize(*job, cluster_detection_method='deactivate')
    else:
      jax.distributed.initialize()
  except ValueError:
    if job is None:  # a computer with TPUs that is no part of a cluster
      return False
    raise
  except RuntimeError as error:
    where = f' at {job[0]}' if job else ''
    reason = (str(error).splitlines() or [''])[0].rstrip('.')
    raise JobError(f'Cannot join the job{where}: {reason}.') from error
  return True


@contextlib.contextmanager
def _stdout_on_stderr() -> Iterator[None]:
  """Sends what C++ prints on stdout to stderr: Gloo does, and stdout is for a
  command's result."""
  sys.stdout.flush()
  own = os.dup(1)
  os.dup2(2, 1)
  try:
    yield
  finally:
    sys.stdout.flush()
    os.dup2(own, 1)
    os.close(own)


def _number(name: str, value: str) -> int:
  if not value.isdecimal():
    raise UserError(f'{name} is {value!r}; it is a whole number.')
  return int(value)


def _leave(status: int) -> None:
  sys.stdout.flush()
  sys.stderr.flush()
  os._exit(status)
