"""Words for what is printed."""

import unicodedata

DOTS = '...'


def counted(number: int, noun: str) -> str:
  """'1 image', '2,000 images'."""
  return f'{number:,} {noun}{"" if number == 1 else "s"}'


def printable(text: object) -> str:
  """A text (a path, say) without what a terminal would obey or choke on."""
  return ''.join(c if c.isprintable() else '?' for c in str(text))


def ascii_only(text: str, most: int) -> str:
  """A text as Pillow's own font has it, and no longer than `most` letters."""
  split = unicodedata.normalize('NFKD', text[: 4 * most])
  letters = ''.join(c for c in split if not unicodedata.combining(c))
  plain = letters.encode('ascii', 'replace').decode()
  return plain if len(plain) <= most else plain[: most - len(DOTS)] + DOTS
