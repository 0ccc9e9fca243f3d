"""Names that were probably meant to be one, such as 'tulip' and 'tulpi'."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

SHORTEST = 4  # letters; 'cat' and 'car' are words of their own


def look_alikes(names: Sequence[str]) -> list[tuple[str, str]]:
  """Pairs of names that differ by case, space or one letter.

  One letter is put in, left out, changed, or swapped with its neighbour. Names
  that differ in a digit ('n02085620', 'n02085782') are not meant to be one,
  nor are those of fewer than `SHORTEST` letters.

  Args:
    names: each once.

  Returns:
    Sorted pairs, the lesser name first.
  """
  forms = defaultdict(list)
  for name in names:
    forms[_plain(name)].append(name)
  pairs = [pair for same in forms.values() for pair in combinations(same, 2)]
  for left, right in _one_letter_apart(forms):
    pairs += [(a, b) for a in forms[left] for b in forms[right]]
  return sorted({(min(pair), max(pair)) for pair in pairs})


def _plain(name: str) -> str:
  """A name without case, spaces and what stands for them."""
  folded = unicodedata.normalize('NFKC', name).casefold()
  return ''.join(c for c in folded if not c.isspace() and c not in '_-') or name


def _one_letter_apart(words: Iterable[str]) -> set[tuple[str, str]]:
  known = set(words)
  lacking = defaultdict(list)  # (which letter is left out, the rest): words
  for word in known:
    for i in range(len(word)):
      lacking[i, word[:i] + word[i + 1 :]].append(word)
  pairs = set()
  for (i, rest), full in lacking.items():
    full = [word for word in full if not word[i].isdigit()]
    pairs |= set(combinations(full, 2))  # changed
    pairs |= {(rest, word) for word in full if rest in known}  # left out
    pairs |= {  # swapped with the next: 'dgo' less 'g' is 'dog' less 'g'
      (a, b)
      for a in full
      for b in lacking.get((i + 1, rest), ())
      if a[i] == b[i + 1] and a != b and not b[i].isdigit()
    }
  return {pair for pair in pairs if max(map(len, pair)) >= SHORTEST}
