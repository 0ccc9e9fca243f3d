"""Finds the classes, splits and image files of a folder."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.text import counted
from mobilenet_jax.data.folder_split import NAMES, SHARES, cut
from mobilenet_jax.data.folder_walk import Walk, find_root
from mobilenet_jax.data.images import SUFFIXES
from mobilenet_jax.data.look_alikes import look_alikes

SHOWN = 5  # names in one sentence

Classes = Mapping[str, Mapping[str, Sequence[str]]]  # split, class: paths


@dataclasses.dataclass(frozen=True)
class Tree:
  """The image files of a folder, before any is opened.

  Attributes:
    root: the folder.
    class_names: sorted; those of the training split where there is one.
    splits: of each split ('train', 'validation', 'test') the relative paths of
      each class.
    problems: sentences on why nothing can be trained with it.
    remarks: sentences on what is probably a mistake.
  """

  root: Path
  class_names: tuple[str, ...]
  splits: Mapping[str, tuple[tuple[str, ...], ...]]
  problems: tuple[str, ...]
  remarks: tuple[str, ...]


def scan(name: str) -> Tree:
  """Finds the images of 'folder:PATH'; files count by their suffix.

  Raises:
    UserError: there is no such folder, or it is not laid out by class.
  """
  walk = Walk(find_root(name))
  tops, loose = walk.look('')
  if not tops:
    raise UserError(
      f'{name} has no subfolders; each class has one of its own, with its'
      f' images in it: {walk.root / "CLASS" / "IMAGE.jpg"}.{walk.linked()}'
    )
  places = _split_folders(name, walk, tops)
  found, remarks = {}, []
  for split, top in places.items():
    labels, astray = walk.look(top)
    found[split] = {label: walk.pictures(f'{top}/{label}') for label in labels}
    loose += astray
  unused = [top for top in tops if places and top not in places.values()]
  if unused:
    remarks.append(f'{name}: not used beside the splits: {_few(unused)}.')
  if loose:
    remarks.append(
      f'{name}: not used, being in no class folder:'
      f' {counted(len(loose), "image")}.'
    )
  if not places:
    found = _cut({top: walk.pictures(top) for top in tops})
  if walk.links:
    remarks.append(f'{name}:{walk.linked()}')
  return _tree(name, walk.root, found, remarks, cut_here=not places)


def _split_folders(
  name: str, walk: Walk, tops: Sequence[str]
) -> dict[str, str]:
  """Returns the folder of each split; none where the subfolders are classes."""
  found: dict[str, str] = {}
  for top in tops:
    split = NAMES.get(top.lower())
    if split is None or not walk.look(top)[0]:
      continue
    if split in found:
      raise UserError(
        f'{name}: {found[split]!r} and {top!r} both are the {split} split;'
        ' keep one.'
      )
    found[split] = top
  if 'train' not in found and len(found) < len(tops):
    return {}
  return {split: found[split] for split in SHARES if split in found}


def _cut(
  classes: Mapping[str, Sequence[str]],
) -> dict[str, dict[str, Sequence[str]]]:
  parts = {label: cut(paths) for label, paths in classes.items()}
  return {
    split: {label: part[split] for label, part in parts.items()}
    for split in SHARES
  }


def _tree(
  name: str,
  root: Path,
  found: Classes,
  remarks: Sequence[str],
  cut_here: bool,
) -> Tree:
  """Puts the classes of all splits together and says what is wrong."""
  learnt = {'train': found['train']} if 'train' in found else found
  names = sorted({label for classes in learnt.values() for label in classes})
  for label in names:
    if not label.isprintable():
      raise UserError(
        f'{name}: a class is called {label!r}; rename its folder.'
      )
  splits = {
    split: tuple(tuple(classes.get(label, ())) for label in names)
    for split, classes in found.items()
  }
  empty = [n for n in names if not any(c.get(n) for c in learnt.values())]
  return Tree(
    root,
    tuple(names),
    splits,
    tuple(_problems(name, names, empty, found)),
    (*remarks, *_slips(name, names, empty, found, cut_here)),
  )


def _problems(
  name: str, names: Sequence[str], empty: Sequence[str], found: Classes
) -> Iterator[str]:
  if len(names) == 1:
    yield (
      f'{name} has one class only, {names[0]!r}; PATH is the folder whose'
      ' subfolders are the classes.'
    )
  if empty:
    yield (
      f'{name}: {_classes(empty)} no images; known are files that end in'
      f' {", ".join(SUFFIXES)}.'
    )
  for split, classes in found.items():
    for label in sorted(set(classes) - set(names)):
      hint = did_you_mean(label, names)
      yield f'{name}: class {label!r} of {split} is not in train.{hint}'


def _slips(
  name: str,
  names: Sequence[str],
  empty: Sequence[str],
  found: Classes,
  cut_here: bool,
) -> Iterator[str]:
  for split, classes in found.items():
    lacking = [n for n in names if not classes.get(n) and n not in empty]
    if lacking:
      few = ', having too few to share' if cut_here else ''
      yield f'{name}: {_classes(lacking)} no images in {split}{few}.'
  for left, right in look_alikes(names)[:SHOWN]:
    yield (
      f'{name}: classes {left!r} and {right!r} look alike; if they are one, put'
      ' their images into one folder.'
    )


def _classes(names: Sequence[str]) -> str:
  """'class 'a' has' or 'classes 'a', 'b' have'."""
  one = len(names) == 1
  return f'class{"" if one else "es"} {_few(names)} {"has" if one else "have"}'


def _few(names: Sequence[str]) -> str:
  shown = ', '.join(map(repr, names[:SHOWN]))
  more = len(names) - SHOWN
  return f'{shown} and {more} more' if more > 0 else shown
