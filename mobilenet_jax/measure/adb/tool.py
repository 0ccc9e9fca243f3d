"""TFLite's benchmark_model, the file: is it there, and for this phone."""

from collections.abc import Sequence
from pathlib import Path

from mobilenet_jax.core.errors import UserError

MACHINES = {183: 'arm64-v8a', 40: 'armeabi-v7a', 62: 'x86_64', 3: 'x86'}  # ELF
NIGHTLY = (
  'https://storage.googleapis.com/tensorflow-nightly-public/prod/tensorflow/'
  'release/lite/tools/nightly/latest/android_aarch64_benchmark_model'
)


def check_exists(path: str | None) -> None:
  """Refuses a tool that is not there.

  Raises:
    UserError: with where to get it.
  """
  if path is None or not Path(path).is_file():
    given = '' if path is None else f', and {path!r} is no file'
    raise UserError(
      "--benchmark-model must name TFLite's benchmark_model for the phone"
      f'{given}; download {NIGHTLY} or build it with `bazel build -c opt '
      '--config=android_arm64 '
      '//tensorflow/lite/tools/benchmark:benchmark_model`.'
    )


def check_machine(path: Path, abis: Sequence[str]) -> None:
  """Refuses a tool that a phone cannot run.

  Args:
    abis: what the phone runs, in Android's words.

  Raises:
    UserError: it is no program, or one for another processor.
  """
  with path.open('rb') as file:
    head = file.read(20)
  if head[:4] != b'\x7fELF':
    raise UserError(f'{path} is no program; take {NIGHTLY}.')
  machine = int.from_bytes(head[18:20], 'little')
  made_for = MACHINES.get(machine, 'another processor')
  if made_for not in abis:
    raise UserError(
      f'{path} is made for {made_for}, but the phone runs {", ".join(abis)}.'
    )
