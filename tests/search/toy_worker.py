"""A process that works on a study of `toys.small_search`."""

import multiprocessing
import time
from multiprocessing.connection import Connection

from mobilenet_jax.search import studies
from mobilenet_jax.search.storage import open_storage, parse
from mobilenet_jax.search.trials import work
from tests.search.toys import quality_of, small_search, together

NAME, IDENTITY = 'toy', {'of': 'toys'}


def main(
  said: Connection,
  url: str,
  policy: str,
  budget: int,
  name: str,
  seconds: float,
  size: int = 1,
) -> None:
  """Works until the budget is met; an evaluation takes `seconds`, and is told
  when it begins; `size` networks are evaluated at once."""

  def evaluate(vector, number, report):
    said.send(number)
    time.sleep(seconds)
    return quality_of(vector)

  storage = open_storage(parse(url), heartbeat_s=1)
  studies.join(storage, NAME, IDENTITY, 'here')
  how = evaluate if size == 1 else together(size, evaluate)
  work(small_search(policy, budget, how), storage, NAME, name)


class Worker:
  """`main` in a process forked from one that has imported everything."""

  def __init__(self, *arguments):
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['tests.search.toy_worker'])
    self._said, theirs = context.Pipe(duplex=False)
    self.process = context.Process(target=main, args=(theirs, *arguments))
    self.process.start()
    theirs.close()

  def begins(self) -> bool:
    """Waits until it begins an evaluation; false where it has left."""
    try:
      self._said.recv()
    except EOFError:
      return False
    return True

  def kill(self) -> None:
    """SIGKILL."""
    self.process.kill()
    self.process.join()

  def left(self) -> bool:
    """Whether it has ended by itself."""
    return self.process.exitcode == 0

  def join(self) -> None:
    """Waits for its end, which must be a good one."""
    self.process.join(120)
    assert self.left()
