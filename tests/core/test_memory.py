"""A program that asks for huge pages gets them, and tells nobody."""

import os
import subprocess
import sys

import pytest

from mobilenet_jax.core import memory

PROGRAM = """
import os, sys
from mobilenet_jax.core.memory import use_huge_pages
before = os.environ.get('GLIBC_TUNABLES')
use_huge_pages()
print(os.getpid(), before, os.environ.get('GLIBC_TUNABLES'), sys.argv[1:])
"""


def run(**environment):
  left = {k: v for k, v in os.environ.items() if k != memory.VARIABLE}
  with subprocess.Popen(
    [sys.executable, '-c', PROGRAM, 'a b', '--c=d'],
    stdout=subprocess.PIPE,
    text=True,
    env={**left, **environment},
  ) as process:
    text, _ = process.communicate()
  assert process.returncode == 0
  return process.pid, text.strip()


@pytest.mark.skipif(memory.glibc() < memory.SINCE, reason='another C library')
def test_a_program_starts_again_once_with_the_same_arguments():
  pid, text = run()
  assert text == f"{pid} {memory.VALUE} None ['a b', '--c=d']"


def test_what_the_user_has_set_stays():
  pid, text = run(GLIBC_TUNABLES='glibc.malloc.check=0')
  same = 'glibc.malloc.check=0'
  assert text == f"{pid} {same} {same} ['a b', '--c=d']"


def test_a_program_from_standard_input_runs_once():
  left = {k: v for k, v in os.environ.items() if k != memory.VARIABLE}
  done = subprocess.run(
    [sys.executable, '-', 'a'],
    input=PROGRAM, capture_output=True, text=True, env=left, check=True,
  )  # fmt: skip
  assert done.stdout.endswith("None None ['a']\n")


def test_where_nothing_can_be_started_it_goes_without(monkeypatch):
  monkeypatch.delenv(memory.VARIABLE, raising=False)
  monkeypatch.setattr(memory, 'glibc', lambda: (9, 9))
  monkeypatch.setattr(sys, 'orig_argv', ['python', '-m', 'x'])
  monkeypatch.setattr(sys, 'executable', '/no/such/python')
  memory.use_huge_pages()
  assert memory.MARK not in os.environ


def test_another_c_library_is_left_alone(monkeypatch):
  monkeypatch.delenv(memory.VARIABLE, raising=False)
  monkeypatch.setattr(memory.os, 'confstr', lambda name: 'musl')
  monkeypatch.setattr(memory.os, 'execve', None)  # would fail
  memory.use_huge_pages()
