"""The instrument for a phone, over a stand-in of `adb` with a real shell."""

import subprocess

import pytest

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.progress import Progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.table import PROVENANCE
from mobilenet_jax.measure import collect, speed
from mobilenet_jax.measure.adb import Phone, about, bench, connection, phones
from mobilenet_jax.measure.rounds import Protocol
from tests.measure.adb_stand_in import Install

BLOCKS = [
  BlockKey('dense', 1, 8 * i, 10, activation='linear') for i in range(1, 11)
]
SHORT = Protocol(round_s=0.1, rounds=2, most_rounds=2)


def build(key):
  """A model that takes as many microseconds as it has bytes."""
  return bytes(500 + 10 * key.in_channels)


def microseconds(table):
  return {key: 1000 * timing.ms for key, timing in table.rows.items()}


EXPECTED = {key: len(build(key)) for key in BLOCKS}


@pytest.fixture
def world(monkeypatch, tmp_path):
  """One phone, and a computer without patience."""
  install = Install(tmp_path, 'A1')
  monkeypatch.setenv('ADB', str(install.adb))
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path / 'cache'))
  monkeypatch.setattr(Phone, 'build', staticmethod(build))
  monkeypatch.setattr(bench, 'RUNS', 2)
  monkeypatch.setattr(connection, 'PAUSE_S', 0.0)
  monkeypatch.setattr(about, 'PAUSE_S', 0.0)
  monkeypatch.setattr(speed, 'PAUSES_S', (0.0, 0.0))
  monkeypatch.setattr(speed, 'FIRST_TIMINGS', 1)
  return install


def phone(world, serial=None, **conditions):
  given = {'tool': str(world.tool), 'protocol': SHORT} | conditions
  return Phone(serial=serial, **given)


def measure(instrument, wanted=tuple(BLOCKS[:3])):
  said = []
  table = collect.measure(instrument, wanted, said.append)
  return table, said


def test_a_table_of_a_phone_is_what_its_tool_says(world):
  table, _ = measure(phone(world), BLOCKS)
  assert microseconds(table) == pytest.approx(EXPECTED, rel=1e-3)
  timing = table[BLOCKS[0]]
  assert timing.n == 2 * SHORT.rounds
  assert timing.p10_ms <= timing.p50_ms <= timing.p90_ms
  assert all(table.provenance[name] not in (None, '') for name in PROVENANCE)
  told = table.provenance
  assert told['device'] == 'phone (Pixel 2)'
  assert (told['chip'], told['android']) == ('msm8998', '11')
  assert (told['cores'], told['governor']) == (8, 'schedutil')
  assert 'A1' not in str(told)
  assert phone(world).state() == {
    'phone_battery': 80,
    'phone_celsius': 28,
    'phone_throttling': 0,
  }
  assert world.files('A1') == []
  assert world.ran('A1')[0].startswith('40 ./benchmark_model --num_threads=1 ')


def test_it_is_measured_once(world):
  measure(phone(world))
  ran = len(world.ran('A1'))
  _, said = measure(phone(world))
  assert '3 known' in said[0]
  assert len(world.ran('A1')) == ran


@pytest.mark.parametrize(
  'conditions, mask, flags',
  [
    ({}, '40', '--num_threads=1 --use_xnnpack=true'),
    ({'threads': 2}, '60', '--num_threads=2 --use_xnnpack=true'),
    ({'cores': (0, 1)}, '3', '--num_threads=1 --use_xnnpack=true'),
    ({'xnnpack': False}, '40', '--num_threads=1 --use_xnnpack=false'),
    ({'dtype': 'float16'}, '40', '--xnnpack_force_fp16=true'),
  ],
)
def test_conditions_reach_the_tool(world, conditions, mask, flags):
  command = ' '.join(phone(world, **conditions).command)
  assert command.startswith(f'taskset {mask} ./benchmark_model')
  assert flags in command


def test_drift_is_put_right(world):
  world.set('A1', slower=4)  # by a quarter before the end
  table, _ = measure(phone(world), BLOCKS)
  # the first timing of the reference block sets the usual speed
  assert microseconds(table) == pytest.approx(EXPECTED, rel=0.015)


def test_a_group_in_which_the_speed_jumps_is_timed_again(world):
  world.set('A1', throttled=[8, 40, 300])
  table, _ = measure(phone(world))
  assert microseconds(table) == pytest.approx(
    {key: EXPECTED[key] for key in BLOCKS[:3]}, rel=3e-3
  )


def test_too_much_drift_is_refused(world):
  world.set('A1', slower=100)
  with pytest.raises(JobError, match='speed'):
    measure(phone(world), BLOCKS)
  assert world.files('A1') == []


def test_the_warm_up_grows_until_it_is_stable(world):
  world.set('A1', cold=300)
  measure(phone(world), BLOCKS[:1])
  assert '--warmup_min_secs=0.02' in world.ran('A1')[0]
  assert '--warmup_min_secs=0.16' in world.ran('A1')[-1]


@pytest.mark.parametrize('at', [2, 6, 7, 8, 11, 12, 17])
def test_a_loose_cable_costs_little(world, at):
  world.set('A1', unplug_at=at, unplug_for=3)
  table, _ = measure(phone(world))
  assert microseconds(table) == pytest.approx(
    {key: EXPECTED[key] for key in BLOCKS[:3]}, rel=1e-3
  )
  assert world.files('A1') == []


def test_what_ran_on_without_its_cable_ends_first(world, monkeypatch):
  monkeypatch.setattr(bench, 'TRIES', 1)
  world.set('A1', unplug_at=11, unplug_for=10, run_s=0.05)
  measure(phone(world))
  usual = 2 * 3 + 2 * 2 * (3 + 1)  # the reference block alone, and groups
  assert usual <= len(world.ran('A1')) <= usual + 2  # not all of a group again


def test_after_a_lost_phone_only_the_rest_is_measured(world, monkeypatch):
  monkeypatch.setattr(collect, 'MOST_CHUNK', 2)
  monkeypatch.setattr(connection, 'WAIT_S', 0.2)
  world.set('A1', unplug_at=26, unplug_for=10**6)
  with pytest.raises(JobError, match='Lost phone A1 is not there: plug it in'):
    measure(phone(world), BLOCKS[:6])
  assert world.files('A1')  # nobody could take them away
  world.set('A1', unplug_at=0)
  table, said = measure(phone(world), BLOCKS[:6])
  assert '0 known' not in said[0] and '6 to measure' not in said[0]
  assert microseconds(table) == pytest.approx(
    {key: EXPECTED[key] for key in BLOCKS[:6]}, rel=1e-3
  )
  assert world.files('A1') == []


def test_ctrl_c_leaves_nothing_on_the_phone(world, monkeypatch):
  run = subprocess.run

  def interrupted(words, **more):
    if 'run.sh' in words[-1] and 'out-2' in words[-1]:
      subprocess.Popen(words, stdout=-3, stderr=-3).communicate()
      raise KeyboardInterrupt
    return run(words, **more)

  monkeypatch.setattr(subprocess, 'run', interrupted)
  with pytest.raises(KeyboardInterrupt):
    measure(phone(world))
  assert world.files('A1') == []


def test_garbage_is_tried_again(world):
  world.set('A1', garbage=3)
  table, _ = measure(phone(world))
  assert microseconds(table)[BLOCKS[0]] == pytest.approx(580, rel=1e-3)


def test_nothing_but_garbage_is_told(world):
  world.set('A1', garbage=10**6)
  with pytest.raises(JobError, match=r'no timing .*ERROR: .\[31mSegm') as error:
    measure(phone(world))
  assert '\033' not in str(error.value)
  assert world.files('A1') == []


def test_garbage_of_one_block_does_not_cost_the_others(world, monkeypatch):
  real, broken = bench.parse, EXPECTED[BLOCKS[1]] / 1000

  def parse(text):
    return [run for run in real(text) if abs(run.ms - broken) > 0.005]

  monkeypatch.setattr(bench, 'parse', parse)
  with pytest.raises(JobError, match='No timing of 1 of 3 blocks, first of "d'):
    measure(phone(world))
  _, said = measure(phone(world), [BLOCKS[0], BLOCKS[2]])
  assert '2 known' in said[0]
  assert world.files('A1') == []


def test_a_slow_transfer_has_its_time_and_no_more(world, monkeypatch):
  monkeypatch.setattr(connection, 'CALL_S', 0.4)
  monkeypatch.setattr(connection, 'TRIES', 2)
  world.set('A1', push_s=0.6)
  with pytest.raises(JobError, match=r'`adb push` fails .* no answer in'):
    measure(phone(world))
  monkeypatch.setattr(connection, 'SLOWEST_TRANSFER', 3000)
  table, _ = measure(phone(world))
  assert len(table.rows) == 3


@pytest.mark.parametrize(
  'state, advice',
  [
    ('unauthorized', 'accept "Allow USB debugging'),
    ('offline', 'plug it in again'),
    ('no permissions', 'let this computer use it'),
    ('recovery', 'start Android'),
  ],
)
def test_a_phone_that_is_not_ready_is_told_with_advice(world, state, advice):
  world.set('A1', state=state)
  with pytest.raises(UserError, match=f'Phone A1 is {state}: .*{advice}'):
    measure(phone(world))


def test_no_phone_at_all(world):
  world.set('A1', state='gone')
  with pytest.raises(UserError, match='No phone is connected'):
    measure(phone(world))


def test_a_phone_that_turns_unauthorized_is_told(world, monkeypatch):
  monkeypatch.setattr(connection, 'WAIT_S', 0.2)
  instrument = phone(world)
  instrument.provenance()
  world.set('A1', state='unauthorized')
  with pytest.raises(JobError, match='A1 is unauthorized: unlock it'):
    measure(instrument)


def test_a_hot_phone_is_waited_for(world):
  world.set('A1', celsius=[45, 44, 41, 39])
  table, _ = measure(phone(world))
  assert len(table.rows) == 3


def test_a_phone_that_stays_hot_is_refused(world, monkeypatch):
  monkeypatch.setattr(about, 'COOLING_S', 0.1)
  world.set('A1', celsius=[45])
  with pytest.raises(JobError, match=r'A1 stays too hot .45.0 C'):
    measure(phone(world))


def test_an_empty_battery_is_refused(world):
  world.set('A1', battery=19)
  with pytest.raises(JobError, match='A1 is at 19 %; charge it to 20 %'):
    measure(phone(world))


def test_of_several_phones_one_is_chosen(world, tmp_path, monkeypatch):
  folder = tmp_path / 'two'
  folder.mkdir()
  two = Install(folder, 'A1', '192.168.0.2:5555')
  monkeypatch.setenv('ADB', str(two.adb))
  assert [p.serial for p in phones()] == ['A1', '192.168.0.2:5555']
  assert phones()[0] == ('A1', 'device', 'Pixel_2')
  with pytest.raises(UserError, match=r'A1 \(Pixel_2\), 192.168.0.2:5555 '):
    measure(phone(two))
  with pytest.raises(UserError, match=r"No phone 'B2' .* A1 "):
    measure(phone(two, 'B2'))
  first, _ = measure(phone(two, '192.168.0.2:5555'))
  assert two.ran('192.168.0.2:5555') and not two.ran('A1')
  _, said = measure(phone(two, 'A1'))  # another specimen, another table
  assert '0 known' in said[0]
  assert first.provenance['device'] == 'phone (Pixel 2)'


@pytest.mark.parametrize(
  'serial',
  ['x; touch pwned', '$(touch pwned)', '-H', '--help', 'a b', '`touch pwned`'],
)
def test_a_serial_with_shell_characters_only_fails(world, tmp_path, serial):
  with pytest.raises(UserError, match='is no serial'):
    measure(phone(world, serial))
  assert not list(tmp_path.rglob('pwned'))


def test_a_path_with_shell_characters_is_a_path(world, tmp_path, monkeypatch):
  folder = tmp_path / "$(touch pwned); touch 'pwned' & `touch pwned`"
  folder.mkdir()
  tool = folder / world.tool.name
  tool.write_bytes(world.tool.read_bytes())
  monkeypatch.setattr('tempfile.tempdir', str(folder))
  table, _ = measure(phone(world, tool=str(tool)))
  assert len(table.rows) == 3
  assert not [p for p in tmp_path.rglob('*') if p.name == 'pwned']


def test_words_reach_the_shell_of_the_phone_quoted(world, tmp_path):
  words = '$(touch pwned)', "'; touch pwned; '", 'a  b', '\n', '*'
  said = connection.connect(None).shell('printf', '%s|', *words)
  assert said == ''.join(f'{word}|' for word in words)
  assert not list(tmp_path.rglob('pwned'))


@pytest.mark.parametrize(
  'conditions, message',
  [
    ({'tool': None}, '--benchmark-model must name .* download https://'),
    ({'tool': '/nowhere'}, "'/nowhere' is no file"),
    ({'threads': 0}, '0 threads'),
    ({'threads': 9}, '9 threads: phone has 7 cores'),
    ({'cores': (7,)}, r'Cores \(7,\) are not among'),
    ({'dtype': 'bfloat16'}, 'no bfloat16; take float32'),
  ],
)
def test_conditions_that_cannot_be(world, conditions, message):
  with pytest.raises(UserError, match=message):
    measure(Phone(**({'tool': str(world.tool)} | conditions)))


@pytest.mark.parametrize(
  'head, message',
  [
    (b'PK\3\4 an .apk', 'is no program; take https'),
    (b'\x7fELF' + bytes(14) + b'\x3e\0', 'made for x86_64, but .* arm64-v8a'),
  ],
)
def test_a_tool_for_something_else(world, head, message):
  world.tool.write_bytes(head + bytes(20))
  with pytest.raises(UserError, match=message):
    measure(phone(world))


def test_without_adb(world, monkeypatch):
  monkeypatch.setenv('ADB', '/nowhere/adb; touch pwned')
  with pytest.raises(UserError, match='platform-tools'):
    measure(phone(world))


def test_the_output_of_old_and_new_tools_is_read():
  old = (
    'count=1 curr=3512391\n\ncount=50 first=2990275 curr=2913402 min=2727568 '
    'max=3189954 avg=2.95034e+06 std=109798\n'
  )
  new = (
    'INFO: count=9 first=81913 curr=55502 min=55502 max=81913 avg=58984.7 '
    'std=8115 p5=1 median=2 p95=3\n\n'
    'INFO: count=7 curr=12(all same) p5=12 median=12 p95=12\n'
  )
  runs = bench.parse(old + new + 'count=0 and count=3 first=x')
  assert [run.ms for run in runs] == pytest.approx([2950.34, 0.012])
  assert runs[1].warm_up == pytest.approx((58.9847 * 9 - 81.913) / 8)
  assert bench.parse('') == bench.parse('sh: syntax error') == []


def test_progress_moves_by_block(world):
  bar = Progress('blocks', 3)
  models = [build(key) for key in BLOCKS[:3]]
  rows, usual = phone(world).time(BLOCKS[:3], models, bytes(400), None, bar)
  assert bar.done == len(rows) == 3
  assert usual == pytest.approx(0.4)
