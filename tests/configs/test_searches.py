"""Every search config passes its checks, whole and local."""

import pytest

from mobilenet_jax.core.config import load_config
from mobilenet_jax.jobs.checks import check_search

LOOPS = {
  'quickstart': ('', 'runlocal'),
  'search_differentiable': ('', 'runlocal'),
  'search_sandwich': ('', 'runlocal'),
  'search_v3': ('', 'small', 'large,digits', 'small,digits', 'runlocal'),
  'trials': ('', 'runlocal'),
}


@pytest.mark.parametrize(
  ('name', 'variant'), [(n, v) for n, vs in LOOPS.items() for v in vs]
)
def test_a_search_config_passes_its_checks(name, variant, request):
  root = request.config.rootpath
  check_search(load_config([f'--config={root}/configs/{name}.py:{variant}']))


def test_every_search_config_is_here(request):
  folder = request.config.rootpath / 'configs'
  searches = {
    path.stem
    for path in folder.glob('*.py')
    if 'search' in load_config([f'--config={path}'])
  }
  assert searches == set(LOOPS)
