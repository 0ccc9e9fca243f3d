"""Runs side by side: what a reader must find on the page and the terminal."""

import json
import subprocess
import sys

import pytest

from mobilenet_jax.arch import count, to_json, to_string
from mobilenet_jax.cli.main import main
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.report.entries import differences, read_entries
from mobilenet_jax.report.overview import write_comparison
from tests.report.conftest import edit, network, write_lines
from tests.report.test_page import Parsed

EVIL = '<img src=x onerror=alert(2)>'


def config(**train):
  return {
    'job': 'train',
    'seed': 0,
    'data': {'name': 'digits', 'test_split': 'test'},
    'train': {'steps': 40, 'rate': 0.1, **train},
  }


def rows(steps, every=10):
  """Training records, and every `every` steps a validation."""
  found = []
  for step in range(1, steps + 1):
    found.append({'step': step, 'loss': 2 / step, 'accuracy': step / 100})
    if step % every == 0:
      share = 0.5 + step / 100
      found.append({'step': step, 'validation': {'accuracy': share, 'loss': 1}})
  return found


@pytest.fixture
def runs(tmp_path):
  """Two finished runs, and one that has come to step 25 of 40."""
  places = [tmp_path / name for name in ('first', 'second', 'going')]
  tests = ({'accuracy': 0.81, 'loss': 0.62, 'top5': 0.97},
           {'accuracy': 0.755, 'loss': 0.7123}, None)  # fmt: skip
  for i, (place, test) in enumerate(zip(places, tests, strict=True)):
    place.mkdir()
    spec = network('net', 3 + 2 * i)
    settings = config(rate=0.1 * (i + 1))
    (place / 'config.json').write_text(json.dumps(settings))
    (place / 'arch.json').write_text(json.dumps(to_json(spec)))
    write_lines(place / 'metrics.jsonl', rows(40 if test else 25))
    if test:
      (place / 'result.json').write_text(json.dumps({'test': test}))
  return places


def page(places, tmp_path):
  entries = read_entries(places)
  path = write_comparison(entries, tmp_path / 'page.html')
  return entries, Parsed(path.read_text())


def test_the_numbers_are_those_of_the_run_folders(runs, tmp_path):
  entries, made = page(runs, tmp_path)
  assert [e.label for e in entries] == ['first', 'second', 'going']
  for entry, place in zip(entries, runs, strict=True):
    spec = network('net', 3 + 2 * runs.index(place))
    assert (entry.params, entry.macs) == (count(spec).params, count(spec).macs)
    assert entry.arch == to_string(spec)
    assert f'{entry.params:,}' in made.text and f'{entry.macs:,}' in made.text
  for text in ('81.00%', '75.50%', '97.00%', '0.620', '0.712', '90.00%'):
    assert text in made.text
  assert 'Not finished: going.' in made.text
  assert '25 of 40' in made.text
  assert entries[2].best_validation == pytest.approx(0.7)


def test_a_run_that_stopped_early_has_the_steps_it_took(runs):
  result = {'steps': 20, 'test': {'accuracy': 0.81, 'loss': 0.62}}
  (runs[0] / 'result.json').write_text(json.dumps(result))
  assert [e.steps for e in read_entries(runs)] == [20, 40, 40]


def test_curves_and_marks_hold_the_records(runs, tmp_path):
  _, made = page(runs, tmp_path)
  loss = made.charts['chart-train-loss']['data']
  faint = [trace for trace in loss if trace.get('opacity')]
  assert [len(trace['x']) for trace in faint] == [40, 40, 25]
  assert faint[0]['y'] == [2 / step for step in range(1, 41)]
  named = [t['name'] for t in loss if t.get('showlegend', True)]
  assert named == ['first', 'second', 'going']
  held_out = made.charts['chart-validation-accuracy']['data']
  assert [trace['x'] for trace in held_out] == [[10, 20, 30, 40]] * 2 + [
    [10, 20]
  ]
  assert held_out[0]['y'] == pytest.approx([0.6, 0.7, 0.8, 0.9])
  for name, cost in (('chart-macs', 'macs'), ('chart-params', 'params')):
    marks = made.charts[name]['data']
    assert [mark['y'] for mark in marks] == [[0.81], [0.755]]
    expected = [getattr(count(network('net', k)), cost) for k in (3, 5)]
    assert [mark['x'] for mark in marks] == [[value] for value in expected]


def test_only_what_differs_is_listed(runs, tmp_path):
  entries, made = page(runs, tmp_path)
  assert differences(entries) == {'train.rate': pytest.approx([0.1, 0.2, 0.3])}
  assert 'train.rate' in made.text
  assert 'train.steps' not in made.text
  assert 'do not compare' not in made.text


def test_other_test_images_are_admitted(runs, tmp_path):
  edit(runs[1] / 'config.json', lambda c: c['data'].update(name='photos'))
  _, made = page(runs, tmp_path)
  assert 'differ in data.name (digits, photos): their accuracies' in made.text


def test_the_page_loads_nothing_and_escapes_names(runs, tmp_path):
  evil = tmp_path / EVIL
  runs[0].rename(evil)
  edit(evil / 'config.json', lambda c: c.update({EVIL: EVIL}))
  _, made = page([evil, *runs[1:]], tmp_path)
  assert EVIL in made.text
  assert 'img' not in [tag for tag, _ in made.tags]
  for chart in made.charts.values():
    assert '<img' not in json.dumps(chart)
  executed = [
    a for t, a in made.tags if t == 'script' and 'data-chart' not in a
  ]
  assert len(executed) == 2
  rules = next(str(a['content']) for _, a in made.tags if a.get('http-equiv'))
  assert rules.startswith("default-src 'none'")
  assert 'unsafe' not in rules.split('script-src ')[1]


def test_a_searchs_contenders_are_runs(folder, runs, tmp_path):
  for place in (folder / 'contenders').iterdir():
    (place / 'config.json').write_text(json.dumps(config()))
    (place / 'arch.json').write_text(json.dumps(to_json(network(place.name))))
  done = folder / 'contenders' / 'found' / 'result.json'
  done.write_text(json.dumps({'test': {'accuracy': 0.9, 'loss': 0.1}}))
  entries, _ = page([folder, runs[0]], tmp_path)
  assert [(e.label, e.finished) for e in entries] == [
    ('run/found', True),
    ('run/known_w0.5', False),
    ('run/random_0', False),
    ('run/random_1', False),
    ('first', True),
  ]


def test_a_search_that_trains_no_contender_yet(folder, runs, tmp_path):
  entries, made = page([folder, runs[0]], tmp_path)
  assert (entries[0].name, entries[0].params) == ('', None)
  assert entries[0].progress == '20 of 20'
  assert 'no network yet, not finished' in made.text


def test_folders_of_one_name_are_told_apart(runs, tmp_path):
  (tmp_path / 'other').mkdir()
  runs[1] = runs[1].rename(tmp_path / 'other' / 'first')
  labels = [
    e.label for e in read_entries([*runs, runs[0]])
  ]  # one of them twice
  assert labels == [str(runs[0]), str(runs[1]), 'going']


def test_a_run_before_its_first_record(runs, tmp_path):
  for name in ('metrics.jsonl', 'arch.json'):
    (runs[2] / name).unlink()
  entries, made = page([runs[2]], tmp_path)
  assert entries[0].progress == '0 of 40'
  assert 'chart-macs' not in made.charts


def test_what_is_no_run_is_a_sentence(runs, tmp_path):
  (tmp_path / 'empty').mkdir()
  with pytest.raises(UserError, match=r'empty is no run folder'):
    read_entries([runs[0], tmp_path / 'empty'])
  edit(runs[0] / 'config.json', lambda c: c['train'].pop('steps'))
  with pytest.raises(UserError, match=r"first lacks 'steps'"):
    read_entries(runs)
  with pytest.raises(UserError, match=r'not an \.html file'):
    write_comparison(read_entries(runs[1:]), tmp_path / 'page.txt')


def test_the_command(runs, capsys, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  argv = ['report', *map(str, runs)]
  assert main(argv) == 0
  out = capsys.readouterr().out.splitlines()
  assert out[0].split()[:3] == ['run', 'network', 'params']
  assert out[1].split()[0] == 'first' and '81.00%' in out[1]
  assert out[-1] == 'compare.html'
  assert (tmp_path / 'compare.html').is_file()
  assert main([*argv, '--json', '--out=mine.html']) == 0
  found = json.loads(capsys.readouterr().out)
  assert found['report'] == 'mine.html'
  assert [row['finished'] for row in found['runs']] == [True, True, False]
  assert found['runs'][0]['test']['top5'] == 0.97
  assert found['differences']['train.rate'] == pytest.approx([0.1, 0.2, 0.3])
  assert main(['report', str(runs[2])]) == 0  # alone: a page of its own
  assert (runs[2] / 'report.html').is_file()


def test_a_finished_search_alone_gets_its_own_report(folder, capsys):
  assert main(['report', str(folder)]) == 0
  first = (folder / 'report.html').read_text()
  assert 'mobilenet-jax search report' in first
  assert main(['report', '--workdir', str(folder)]) == 0
  assert (folder / 'report.html').read_text() == first
  assert (
    capsys.readouterr().out.splitlines() == [str(folder / 'report.html')] * 2
  )


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    ([], 'Name runs'),
    (['a', '--workdir=b'], 'not both'),
    (['--workdir=b', '--out=c.html'], '--out goes with RUN'),
    (['nowhere'], 'nowhere is no run folder'),
    (['--workdir=nowhere'], 'not a finished search run'),
  ],
)
def test_mistakes(capsys, argv, says, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert main(['report', *argv]) == 2
  out, err = capsys.readouterr()
  assert (out, len(err.strip().splitlines())) == ('', 1)
  assert says in err
  assert not list(tmp_path.iterdir())


def test_the_command_imports_no_jax(runs, tmp_path):
  code = (
    'import sys; from mobilenet_jax.cli.main import main\n'
    f'main(["report", {str(runs[0])!r}, {str(runs[1])!r}, '
    f'"--out={tmp_path}/x.html"])\n'
    'sys.exit("jax" in sys.modules)'
  )
  done = subprocess.run([sys.executable, '-c', code], capture_output=True)
  assert done.returncode == 0, done.stderr
