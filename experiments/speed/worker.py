"""Steps that can be timed: asked on standard input, answered on output.

    python ours.py '{"what": "train", "model": "mobilenet_v2", ...}'

answers 'ready' with its versions, then every line, a number of steps, with
their seconds. Two such processes run in turns; who is not asked waits.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

Step = Callable[[], None]  # returns when it is done


def serve(make: Callable[[Mapping[str, Any]], tuple[Step, dict]]) -> None:
  """Makes the step of the command line and times it whenever asked."""
  step, about = make(json.loads(sys.argv[1]))
  start = time.perf_counter()
  step()  # compiles, where there is something to compile
  about['first_s'] = round(time.perf_counter() - start, 2)
  step()
  _say({'ready': about})
  for line in sys.stdin:
    _say([_seconds(step) for _ in range(int(line))])


def _seconds(step: Step) -> float:
  start = time.perf_counter()
  step()
  return time.perf_counter() - start


def _say(value: Any) -> None:
  print(json.dumps(value), flush=True)
