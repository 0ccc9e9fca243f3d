"""Anchor sets hold what was published, of networks that are exactly ours."""

import json

import pytest

from mobilenet_jax.arch import count
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.anchors import (
  HEADER,
  AnchorSet,
  list_anchors,
  load_anchors,
)
from mobilenet_jax.models.find import find_arch

SIDES = (224, 192, 160, 128, 96)
# millions of multiply-adds that the sources print
SLIM_V2 = {
  1.0: (300, 221, 154, 99, 56), 0.75: (209, 153, 107, 69, 39),
  0.5: (97, 71, 50, 32, 18), 0.35: (59, 43, 30, 20, 11),
  1.4: (582,), 1.3: (509,),
}  # fmt: skip
MNASNET_A1 = {
  1.4: (591.5, 435.1, 302.8, 194.5, 110.3),
  1.0: (315.2, 232.0, 161.6, 104.1, 59.3),
  0.75: (226.7, 166.9, 116.4, 75.0, 42.9),
  0.5: (105.2, 77.6, 54.4, 35.3, 20.5),
  0.35: (63.2, 46.8, 32.9, 21.6, 12.7),
}
V3_PAPER = {
  ('mobilenet_v3_large', 1.25, 224): 356, ('mobilenet_v3_large', 1, 224): 217,
  ('mobilenet_v3_large', 0.75, 224): 155, ('mobilenet_v3_large', 0.5, 224): 69,
  ('mobilenet_v3_large', 0.35, 224): 40, ('mobilenet_v3_large', 1, 256): 282,
  ('mobilenet_v3_large', 1, 192): 160, ('mobilenet_v3_large', 1, 160): 112,
  ('mobilenet_v3_large', 1, 128): 73, ('mobilenet_v3_large', 1, 96): 43,
  ('mobilenet_v3_small', 1, 256): 74, ('mobilenet_v3_small', 1, 160): 30,
  ('mobilenet_v3_small', 1, 128): 20, ('mobilenet_v3_small', 1, 96): 12,
  ('mobilenet_v3_small', 1, 224): 57, ('mobilenet_v3_small', 0.75, 224): 44,
  ('mobilenet_v3_small', 0.5, 224): 21, ('mobilenet_v3_small', 0.35, 224): 12,
  ('proxylessnas_mobile', 1, 224): 320, ('mnasnet_a1', 1, 224): 315,
}  # fmt: skip
# computed: the paper prints 0.2 to 6 thousand millions
V4_PAPER = {
  ('mobilenet_v4_conv_medium', 1, 256): 1080,
  ('mobilenet_v4_conv_large', 1, 384): 6376,
  ('mobilenet_v4_conv_small', 1, 224): 186,
  ('mobilenet_v1', 1, 224): 569, ('mobilenet_v2', 2, 224): 1137,
}  # fmt: skip
PROVENANCE = {
  'device': 'a phone', 'chip': 'none', 'cores': 1, 'affinity': 'none',
  'threads': 1, 'runtime': 'formula', 'version': '1', 'delegate': 'none',
  'batch': 1, 'protocol': 'computed', 'date': '2020-01-01',
  'licence': 'Apache-2.0', 'sources': {'us': {'citation': 'tests'}},
}  # fmt: skip


def grid(name, columns):
  return {
    (name, width, side): millions
    for width, column in columns.items()
    for side, millions in zip(SIDES, column, strict=False)
  }


def written(folder, rows, provenance=PROVENANCE):
  path = folder / 'phone.csv'
  path.write_text('\n'.join([','.join(HEADER), *rows, '']))
  path.with_suffix('.json').write_text(json.dumps(provenance))
  return path


ROW = 'mobilenet_v2,1.0,224,float32,12.5,us'


@pytest.mark.parametrize('name', list_anchors())
def test_every_network_of_a_shipped_set_is_in_the_zoo(name):
  found = load_anchors(name)
  specs = found.specs(find_arch)
  assert len(specs) == len(found.anchors) >= 4
  for anchor, spec in zip(found.anchors, specs, strict=True):
    assert spec.resolution == anchor.resolution
  assert {a.source for a in found.anchors} == set(found.provenance['sources'])
  assert all(s['citation'] for s in found.provenance['sources'].values())


@pytest.mark.parametrize(
  ('published', 'within'),
  [
    (grid('mobilenet_v2', SLIM_V2), 0.0),
    (grid('mnasnet_a1', MNASNET_A1), 0.03),
    (V3_PAPER, 0.012),
    (V4_PAPER, 0.0),
  ],
)
def test_they_do_the_work_that_the_sources_print(published, within):
  shipped = {
    (a.network, a.width, a.resolution)
    for name in list_anchors()
    for a in load_anchors(name).anchors
  }
  for network, millions in published.items():
    assert network in shipped
    ours = count(find_arch(*network)).macs / 1e6
    # sources round, or cut off: 11.93 is printed as 11
    assert abs(ours - millions) < max(within * millions, 1), network


def test_the_phones_of_the_papers_are_there():
  assert {'pixel1', 'pixel2', 'pixel3', 'pixel6-cpu'} <= set(list_anchors())
  pixel1 = load_anchors('pixel1').of('float32')
  assert len(pixel1.anchors) == 85
  ms = {(str(a), a.ms) for a in pixel1.anchors}
  assert ('mobilenet_v2 1 224 (slim_v2)', 73.8) in ms
  assert ('mobilenet_v2 1 224 (v3_paper)', 64.0) in ms
  assert ('mobilenet_v3_large 1 224 (v3_paper)', 51.2) in ms
  assert pixel1.main_source == 'v3_paper'


@pytest.mark.parametrize(
  ('rows', 'says'),
  [
    ([ROW.replace('12.5', '0')], "line 2: ms '0' is not above 0"),
    ([ROW.replace('12.5', 'nan')], "line 2: ms 'nan' is not above 0"),
    ([ROW.replace('12.5', 'inf')], "ms 'inf'"),
    ([ROW.replace('12.5', 'fast')], "ms 'fast' is not a number"),
    ([ROW.replace('32', '33')], "dtype 'float33' is not one of float32"),
    ([ROW.replace('224', '224.5')], "resolution '224.5'"),
    ([ROW, ROW.replace('12.5', '13')], 'line 3: mobilenet_v2 .* stands twice'),
    ([ROW + ','], '7 values, not 6'),
    ([ROW.replace('us', 'them')], "'them' is none of its sources"),
    ([ROW.replace('us', '')], 'source is not named'),
    ([], 'has no rows'),
  ],
)
def test_a_spoiled_set_is_refused(tmp_path, rows, says):
  with pytest.raises(UserError, match=says):
    load_anchors(written(tmp_path, rows))


def test_a_set_needs_its_provenance(tmp_path):
  path = written(tmp_path, [ROW])
  assert load_anchors(path).anchors[0].ms == 12.5
  lacking = {k: v for k, v in PROVENANCE.items() if k not in ('chip', 'date')}
  with pytest.raises(UserError, match='lacks provenance: chip, date'):
    load_anchors(written(tmp_path, [ROW], lacking))
  path.with_suffix('.json').unlink()
  with pytest.raises(UserError, match=r'has no provenance: .*json is missing'):
    load_anchors(path)
  with pytest.raises(UserError, match="Did you mean 'pixel1'"):
    load_anchors('pixle1')


def test_an_unknown_network_and_dtype_are_named(tmp_path):
  row = ROW.replace('v2', 'v9')
  found = load_anchors(written(tmp_path, [row]))
  with pytest.raises(UserError, match='mobilenet_v9 1 224'):
    found.specs(find_arch)
  with pytest.raises(UserError, match='no int8 latencies; it has float32'):
    found.of('int8')


def test_without_a_main_source_it_is_that_of_most_anchors(tmp_path):
  rows = [ROW.replace('us', 'them'), ROW, ROW.replace('224', '192')]
  sources = {'us': {}, 'them': {}}
  found = load_anchors(
    written(tmp_path, rows, PROVENANCE | {'sources': sources})
  )
  assert isinstance(found, AnchorSet)
  assert found.main_source == 'us'
