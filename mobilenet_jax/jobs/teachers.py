"""The teacher that a config names, and what a run folder remembers of it."""

import hashlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mobilenet_jax.arch import ArchSpec, from_string, to_string
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.models import list_models
from mobilenet_jax.models.builder import build
from mobilenet_jax.models.pretrained.load import load_pretrained
from mobilenet_jax.tasks.distillation import PROJECTION, Teacher

FILE = 'teacher.json'  # in the folder of a run


def open_teacher(config: Any) -> Teacher | None:
  """Loads the teacher of the `train` part of a config; None where it has none.

  Raises:
    UserError: there is no such run folder, network or file of weights.
  """
  part = config.distill
  if not part.teacher:
    return None
  spec, variables = _found(part)
  return Teacher(
    variables,
    build(spec, dtype=jnp.dtype(config.dtype)),
    soft=part.soft,
    temperature=part.temperature,
    features=part.features,
    student_endpoint=part.student_endpoint,
    teacher_endpoint=part.teacher_endpoint,
  )


def _found(part: Any) -> tuple[ArchSpec, Any]:
  """The teacher's spec and variables."""
  if part.weights:
    made = load_pretrained(part.teacher, part.source, part.weights)
    return made.spec, made.variables
  spelled = '@' in part.teacher  # a spec string, too long for a path
  if not spelled and (Path(part.teacher) / 'config.json').exists():
    from mobilenet_jax.jobs.trained import open_trained  # it imports trainer

    trained = open_trained(part.teacher)
    return trained.spec, trained.variables
  named = f'train.distill.teacher {part.teacher!r}'
  if part.teacher in list_models():
    raise UserError(
      f'{named} is a network of the zoo; its weights are wanted, too: '
      '--config.train.distill.weights=FILE.'
    )
  near = did_you_mean(part.teacher, list_models())
  raise UserError(
    f'{named} is no folder of a run, and no network of the zoo.'
    f'{near if "mean" in near else ""}'
  )


def remember(folder: Path, teacher: Teacher | None) -> None:
  """Writes down who teaches a run, or compares with who did.

  Args:
    folder: of the run; gets `teacher.json`.
    teacher: of the run.

  Raises:
    UserError: it is another one than that which the run began with.
  """
  if teacher is None:
    return
  now = {'sha256': digest(teacher.variables), 'arch': to_string(teacher.spec)}
  path = folder / FILE
  if not path.exists():
    write_json(path, now)
  elif read_json(path) != now:
    raise UserError(
      f'The teacher {teacher.spec.name} is not the one that the run in '
      f'{folder} began with; bring that back, or use another --workdir.'
    )


def digest(variables: Any) -> str:
  """Of all weights, with their names and types."""
  found = hashlib.sha256()
  for path, leaf in jax.tree_util.tree_leaves_with_path(variables):
    array = np.ascontiguousarray(leaf)
    found.update(f'{jax.tree_util.keystr(path)} {array.dtype} '.encode())
    found.update(array.tobytes())
  return found.hexdigest()


def projection_shapes(spec: ArchSpec, config: Any, folder: Path) -> Any:
  """Shapes of what a student's folder holds of its projection; None where it
  has none. The teacher itself may be gone."""
  if not (folder / FILE).exists():
    return None
  written = read_json(folder / FILE)
  if not isinstance(written, dict) or 'arch' not in written:
    raise UserError(f'{folder / FILE} does not say which network taught.')
  known = from_string(str(written['arch']))
  part = config.distill
  teacher = Teacher(
    {}, build(known), features=part.features,
    student_endpoint=part.student_endpoint,
    teacher_endpoint=part.teacher_endpoint,
  )  # fmt: skip
  return jax.eval_shape(lambda: teacher.projection(spec, 0))


def with_projection(variables: Any, projection: Any) -> Any:
  """A student's variables with its projection, if it has one."""
  if projection is None:
    return variables
  params = {**variables['params'], PROJECTION: projection}
  return {**variables, 'params': params}


def without_projection(variables: Any) -> Any:
  """A student's variables as its network has them."""
  params = variables['params']
  kept = {name: p for name, p in params.items() if name != PROJECTION}
  return {**variables, 'params': kept}
