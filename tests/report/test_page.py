"""What a reader of report.html must find there, and what must not be."""

import html
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mobilenet_jax.core.config import load_config, to_plain
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.report.charts import chart
from mobilenet_jax.report.page import write_report
from mobilenet_jax.report.reading import NEEDED
from tests.report.conftest import CONFIG, edit, search_record, write_lines


class Parsed(HTMLParser):
  """Elements with their attributes, and the text outside of scripts."""

  def __init__(self, text: str):
    super().__init__(convert_charrefs=True)
    self.tags: list[tuple[str, dict[str, str | None]]] = []
    self.text = ''
    self.charts: dict[str, dict] = {}
    self._inside: tuple[str, dict[str, str | None]] = ('', {})
    self.feed(text)

  def handle_starttag(self, tag, attrs):
    self._inside = (tag, dict(attrs))
    self.tags.append(self._inside)

  def handle_endtag(self, tag):
    self._inside = ('', {})

  def handle_data(self, data):
    tag, attributes = self._inside
    if 'data-chart' in attributes:
      self.charts[str(attributes['data-chart'])] = json.loads(data)
    elif tag not in ('script', 'style'):
      self.text += data.replace('\u00a0', ' ') + ' '


def read(folder: Path) -> Parsed:
  """The report of a folder, written and parsed."""
  return Parsed(write_report(folder).read_text())


def set_accuracy(folder: Path, accuracy: float) -> None:
  """Gives the found network another test accuracy."""

  def change(results):
    results['contenders'][0]['test']['accuracy'] = accuracy

  edit(folder / 'results.json', change)


def test_names_every_contender_and_the_device(folder):
  page = read(folder)
  for name in ('found', 'known_w0.5', 'random_0', 'random_1', 'Chip 9'):
    assert name in page.text
  assert 'some protocol' in page.text


def test_says_that_the_found_network_wins(folder):
  page = read(folder)
  assert 'it beats the mean of 2 random networks (65.00%)' in page.text
  assert 'Beats the mean of 2 random networks: 25.00 points above' in page.text
  assert 'Does not beat' not in page.text


def test_says_plainly_that_the_found_network_loses(folder):
  set_accuracy(folder, 0.6)
  page = read(folder)
  assert 'it does not beat the mean of 2 random networks' in page.text
  assert (
    'Does not beat the mean of 2 random networks: 5.00 points below'
    in page.text
  )


def test_a_loss_that_is_certain_is_marked(folder):
  def change(results):
    found, known = results['contenders'][:2]
    found['accuracies'] = [0.6, 0.61, 0.59]
    known['accuracies'] = [0.8, 0.81, 0.79]

  edit(folder / 'results.json', change)
  page = read(folder)
  lost = [a for t, a in page.tags if t == 'li' and a.get('class') == 'lost']
  assert len(lost) == 1
  assert '20.00 points below; more than the ±2.27 points' in page.text


def test_says_what_chance_explains(folder):
  """One training against two of 70 and 60 %: t(1) = 12.7, so 110 points."""
  page = read(folder)
  assert (
    '25.00 points above; within the ±110.04 points that chance explains'
    in page.text
  )
  even = [a for t, a in page.tags if t == 'li' and a.get('class') == 'even']
  assert len(even) == 2  # of nothing is it certain
  assert 'one training each does not say how much of it is chance' in page.text


def test_more_trainings_make_a_difference_certain(folder):
  def change(results):
    for row, values in zip(
      results['contenders'],
      ([0.9, 0.91, 0.89], [0.8, 0.81, 0.79], [0.7], [0.69]),
      strict=True,
    ):
      row['accuracies'] = values

  edit(folder / 'results.json', change)
  text = read(folder).text
  assert '20.50 points above; more than the ±11.00 points' in text
  assert 'Beats known_w0.5 scaled to' in text
  assert '10.00 points above; more than the ±2.27 points' in text
  assert (
    'trained 3 times, from scratch, by the same recipe (seeds 7 to 9)' in text
  )


def test_the_pick_of_a_random_search_is_chosen_by_held_out_images(folder):
  def change(results):
    for row, held_out in zip(
      results['contenders'], (0.9, 0.8, 0.5, 0.6), strict=True
    ):
      row['held_out_accuracy'] = held_out
    results['cost'] = {'search': 69_333.3, 'random': 96_000}

  edit(folder / 'results.json', change)
  text = read(folder).text
  assert 'random_1, the pick of a random search (60.00%)' in text
  assert 'the search saw 69.3 k images' in text


def test_shows_what_each_decision_is_worth(folder):
  seen = {
    'measure': 'held-out accuracy',
    'found': {'vector': [0, 1], 'ms': 0.08, 'quality': 0.7},
    'chosen': {'block1/kernel': '5', 'stage1/depth': '1 of 2'},
    'candidates': [
      {'vector': [0, 1], 'ms': 0.08, 'quality': 0.7},
      {'vector': [0, 0], 'ms': 0.09, 'quality': 0.6},
    ],
    'front': [{'vector': [0, 1], 'ms': 0.08, 'quality': 0.7}],
    'how': 'one decision changed at a time',
    'sensitivity': [
      {'decision': 'block1/kernel', 'choice': '7', 'quality': 0.01, 'ms': 0.02},
      {'decision': 'block1/kernel', 'choice': '3', 'quality': -0.02, 'ms': 0.0},
      {'decision': 'stage1/depth', 'choice': '0 of 2', 'quality': -0.1,
       'ms': -0.03},
    ],
  }  # fmt: skip
  assert 'What the search has seen' not in read(folder).text
  (folder / 'evidence.json').write_text(json.dumps(seen))
  page = read(folder)
  candidates, line, star = page.charts['chart-front']['data']
  assert (candidates['x'], line['y']) == ([0.08, 0.09], [0.7])
  assert star['y'] == [0.7]
  chart = page.charts['chart-sensitivity']
  (marks,) = chart['data']
  assert marks['x'] == pytest.approx([1.0, -2.0, -10.0])
  assert marks['text'] == ['7', '3', '0 of 2']
  # what mattered most stands at the top
  assert chart['layout']['yaxis']['categoryarray'] == [
    'block1/kernel = 5', 'stage1/depth = 1 of 2',
  ]  # fmt: skip


def test_a_tie_is_no_win(folder):
  set_accuracy(folder, 0.8)
  assert 'Only equals known_w0.5' in read(folder).text


def test_nothing_is_loaded_from_elsewhere(folder):
  page = read(folder)
  for name, attributes in page.tags:
    assert name not in ('link', 'iframe', 'object', 'embed', 'base')
    for key in ('src', 'href', 'srcset', 'data', 'action'):
      target = attributes.get(key) or '#'
      assert target.startswith(('#', 'data:image/png;base64,')), target
    assert 'url(' not in (attributes.get('style') or '')
  style = (folder / 'report.html').read_text().split('<style>')[1]
  assert not re.search(r'url\(|@import', style.split('</style>')[0])


def test_the_browser_is_told_to_load_nothing(folder):
  page = read(folder)
  rules = next(str(a['content']) for _, a in page.tags if a.get('http-equiv'))
  assert rules.startswith("default-src 'none'")
  scripts = rules.split('script-src ')[1]
  assert 'unsafe' not in scripts
  assert scripts.count('sha256-') == 2


def test_the_charts_hold_the_numbers_of_the_results(folder):
  results = json.loads((folder / 'results.json').read_text())
  chart = read(folder).charts['chart-tradeoff']
  shown = {
    (trace['customdata'][i], trace['x'][i], trace['y'][i])
    for trace in chart['data']
    for i in range(len(trace['x']))
  }
  assert shown == {
    (f'network-{i}', row['priced_ms'], row['test']['accuracy'])
    for i, row in enumerate(results['contenders'])
  }
  line = next(s for s in chart['layout']['shapes'] if s['type'] == 'line')
  assert line['x0'] == results['target_ms']
  window = next(s for s in chart['layout']['shapes'] if s['type'] == 'rect')
  assert window['x0'] == pytest.approx(0.97 * results['target_ms'])


def test_each_point_opens_its_network(folder):
  page = read(folder)
  anchors = {a.get('id') for _, a in page.tags}
  for trace in page.charts['chart-tradeoff']['data']:
    assert anchors >= set(trace['customdata'])
    assert 'dense' in trace['text'][0]


def test_plotly_accepts_every_chart(folder):
  graph_objects = pytest.importorskip('plotly.graph_objects')
  for name, made in read(folder).charts.items():
    text = re.sub(r'var\(--[a-z-]+\)', '#123456', json.dumps(made))
    figure = graph_objects.Figure(json.loads(text))
    assert figure.data, name


def test_entropy_is_a_share_of_the_most_there_can_be(folder):
  heat = read(folder).charts['chart-entropy']['data'][0]
  assert heat['y'] == ['stage1/block1/kernel', 'stage1/width']
  for row in heat['z']:
    assert row[0] == pytest.approx(1.0)
    assert row[-1] == pytest.approx(1 - 15 / 40, abs=1e-3)


def test_a_search_without_scores_is_reported(folder):
  records = [search_record(step) for step in (1, 2)]
  write_lines(folder / 'metrics.jsonl', records)
  assert 'The controller never started.' in read(folder).text


def test_a_differentiable_search_shows_what_it_minimizes(folder):
  def record(step):
    made = search_record(step)
    if 'reward' in made:
      made['objective'] = made.pop('reward')
    return made

  write_lines(folder / 'metrics.jsonl', [record(s) for s in range(1, 21)])
  search = {'penalty': 'add', 'penalty_weight': 0.1}
  edit(folder / 'config.json', lambda made: made['search'].update(search))
  page = read(folder)
  assert 'chart-reward' not in page.charts
  shown = page.charts['chart-objective']['data'][0]
  assert shown['x'] == list(range(5, 21))
  assert None not in shown['y']
  assert "by the penalty 'add' with a weight of 0.1" in page.text
  assert 'Accuracy of the mixed networks' in page.text


@pytest.mark.parametrize(
  ('reward', 'says'),
  [
    ('absolute', 'plus -0.3 times the relative distance'),
    ('mnasnet_soft', 'held-out accuracy times (latency / target)^-0.3.'),
    ('mnasnet_hard', 'where the latency is above the target'),
  ],
)
def test_the_reward_is_said_in_words(folder, reward, says):
  edit(
    folder / 'config.json', lambda made: made['search'].update(reward=reward)
  )
  assert says in read(folder).text


def test_further_devices_are_shown_with_their_targets(folder):
  phone = {
    'name': 'pixel9', 'device': 'Pixel 9', 'target_ms': 55.0,
    'fastest_ms': 20.0, 'slowest_ms': 90.0,
  }  # fmt: skip

  def change(results):
    results['more_targets'] = [phone]
    results['space'] = {
      'name': 'v3_tiny', 'networks': 9, 'decisions': 2, 'fastest_ms': 1.0,
      'slowest_ms': 2.0,
    }  # fmt: skip
    results['contenders'][0]['priced_on'] = {'pixel9': 54.25}

  edit(folder / 'results.json', change)
  text = read(folder).text
  assert 'on pixel9' in text
  assert 'target 55.0 ms, found network 54.2 ms' in text


def test_nan_is_a_gap(folder):
  records = [search_record(step) for step in range(1, 21)]
  records[3]['loss'] = float('nan')
  write_lines(folder / 'metrics.jsonl', records)
  raw = read(folder).charts['chart-loss']['data'][0]['y']
  assert raw[3] is None and raw[4] is not None


def test_validations_are_a_curve_and_no_gaps(folder):
  path = folder / 'contenders/found/metrics.jsonl'
  records = [json.loads(line) for line in path.read_text().splitlines()]
  held_out = {'step': 4, 'validation': {'accuracy': 0.75, 'loss': 0.5}}
  assert 'chart-validation-accuracy' not in read(folder).charts
  write_lines(path, [*records[:4], held_out, *records[4:]])
  search = [search_record(step) for step in range(1, 21)]
  write_lines(folder / 'metrics.jsonl', [*search, held_out | {'step': 20}])
  charts = read(folder).charts
  found = charts['chart-validation-accuracy']['data'][-1]
  assert (found['x'], found['y']) == ([4], [0.75])
  for trace in charts['chart-train-loss']['data']:
    assert trace['x'] == list(range(1, 9))
    assert None not in trace['y']
  assert len(charts['chart-loss']['data'][0]['x']) == 20


def test_price_and_export_check_are_shown(folder):
  text = read(folder).text
  assert '+10.0%, within the limit of 15%' in text
  assert '2e-06' in text and '4.00 KiB (4,096 bytes)' in text
  edit(folder / 'deployed.json', lambda made: made.update(ratio=1.3))
  edit(folder / 'results.json', lambda made: made['deployed'].update(ratio=1.3))
  assert '+30.0%, outside the limit of 15%' in read(folder).text


def test_another_device_than_the_tables_is_admitted(folder):
  edit(folder / 'env.json', lambda made: made.update(chip='Chip 10'))
  assert 'the two do not compare' in read(folder).text


def test_wrong_samples_are_marked_in_words(folder):
  text = read(folder).text
  assert '✓ four' in text and '✗ nine' in text and 'is four' in text
  assert 'is right on 1' in text


def test_the_command_repeats_the_exact_config(folder, tmp_path):
  page = (write_report(folder)).read_text()
  shown = page.split('id="command">')[1].split('</code>')[0]
  script = html.unescape(shown).split("<<'END'\n")[1].split('\nEND\n')[0]
  (tmp_path / 'repeat.py').write_text(script)
  config = load_config([f'--config={tmp_path / "repeat.py"}'])
  assert {'job': 'search', **to_plain(config)} == CONFIG


def test_config_and_environment_are_complete(folder):
  text = read(folder).text
  for word in ('learning_rate', 'v3_tiny', 'abc1234', 'some licence'):
    assert word in text


def test_text_from_files_is_escaped(folder):
  evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)>'

  def rename(results):
    results['contenders'][2]['name'] = evil

  # a name is looked up as a folder, so this one must be there
  curve = (folder / 'contenders/random_0/metrics.jsonl').read_text()
  copy = folder / 'contenders' / evil / 'metrics.jsonl'
  copy.parent.mkdir(parents=True)
  copy.write_text(curve)
  edit(folder / 'results.json', rename)
  edit(folder / 'predictions.json', lambda made: made[1].update(label=evil))
  edit(
    folder / 'predictions.json', lambda made: made[0].update(image='"' + evil)
  )
  edit(folder / 'config.json', lambda made: made.update({evil: evil}))
  edit(folder / 'env.json', lambda made: made.update(commit=evil))
  edit(folder / 'latency.json', lambda made: made.update(chip=evil))
  page = read(folder)
  assert 'onerror' not in [key for _, a in page.tags for key in a]
  executed = [
    a for t, a in page.tags if t == 'script' and 'data-chart' not in a
  ]
  assert len(executed) == 2
  assert evil in page.text
  hover = page.charts['chart-tradeoff']['data'][0]['text']
  assert not any('<img' in label for label in hover)


@pytest.mark.parametrize('name', NEEDED)
def test_a_missing_file_is_named(folder, name):
  (folder / name).unlink()
  with pytest.raises(UserError, match=f'not a finished search run: {name}'):
    write_report(folder)
  assert not (folder / 'report.html').exists()


def test_a_missing_curve_is_named(folder):
  (folder / 'contenders/random_1/metrics.jsonl').unlink()
  with pytest.raises(UserError, match=r'random_1/metrics\.jsonl'):
    write_report(folder)


def test_a_file_that_lacks_something_is_a_sentence(folder):
  edit(folder / 'results.json', lambda made: made.pop('target_ms'))
  with pytest.raises(UserError, match="lacks 'target_ms'"):
    write_report(folder)


def test_without_plotly_the_extra_is_named(folder, monkeypatch):
  monkeypatch.setitem(sys.modules, 'plotly.offline', None)
  with pytest.raises(UserError, match=r'mobilenet-jax\[report\]'):
    write_report(folder)


def test_the_page_is_small_enough_and_repeatable(folder):
  first = write_report(folder).read_bytes()
  assert len(first) < 8 << 20
  assert write_report(str(folder)).read_bytes() == first


def test_no_text_ends_the_script_that_holds_a_chart():
  made = chart('c', [{'name': '</script><b>&'}], 100)
  assert made.count('</script>') == 1
  assert Parsed(made).charts['c']['data'] == [{'name': '</script><b>&'}]
