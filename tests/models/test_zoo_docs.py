"""docs/zoo.md is what its script writes today."""

import importlib.util
from pathlib import Path

import pytest

from mobilenet_jax.models import list_models
from mobilenet_jax.models.published import ROWS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def make_docs():
  path = ROOT / 'experiments/zoo/make_docs.py'
  spec = importlib.util.spec_from_file_location('make_docs', path)
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def test_the_page_is_up_to_date(make_docs):
  page = (ROOT / 'docs/zoo.md').read_text()
  assert page == make_docs.text(), 'run experiments/zoo/make_docs.py'
  assert (ROOT / 'docs/zoo.png').exists()
  assert all(f'| `{name}` |' in page for name in list_models())


def test_every_source_leads_somewhere(make_docs):
  for source in {row.source for row in ROWS}:
    text, where = make_docs.link(source).removesuffix(')').split('](')
    assert text == f'[{source}'
    assert where.startswith('https://')
    assert ' ' not in where and ',' not in where
