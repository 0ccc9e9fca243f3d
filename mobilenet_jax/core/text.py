"""Words for what is printed."""


def counted(number: int, noun: str) -> str:
  """'1 image', '2,000 images'."""
  return f'{number:,} {noun}{"" if number == 1 else "s"}'


def printable(text: object) -> str:
  """A text (a path, say) without what a terminal would obey or choke on."""
  return ''.join(c if c.isprintable() else '?' for c in str(text))
