"""What `train` prints of the classes of a folder."""

from mobilenet_jax.cli.train import classes


def of(*accuracies):
  return [
    {'name': f'c{i}', 'images': 0 if a is None else 10, 'accuracy': a}
    for i, a in enumerate(accuracies)
  ]


def test_classes_are_in_their_own_order():
  assert classes(of(1.0, None, 0.25)).splitlines() == [
    'class  test images  accuracy',
    'c0              10    100.0%',
    'c1               0         -',
    'c2              10     25.0%',
  ]


def test_of_many_the_worst_are_shown():
  lines = classes(
    of(*(i / 39 for i in reversed(range(40))), None, None)
  ).splitlines()
  assert len(lines) == 32
  assert lines[1].split() == ['c39', '10', '0.0%']
  assert lines[-1] == '12 more, none worse'
