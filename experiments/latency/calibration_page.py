"""The page and the picture of `calibration.py`."""

from pathlib import Path
from typing import Any

import matplotlib.figure as mpl

PHONE = {'pixel1': 'Pixel 1', 'pixel2': 'Pixel 2', 'pixel3': 'Pixel 3'}
TOP = """# Tables carried to phones

Written by `calibration.py`. Nothing here was timed on a phone by us: the
latencies are published ones, each with its source
(`mobilenet_jax/latency/anchor_sets`), and so is what they are compared with.

Host: {device}, {chip}; {runtime} {version}, {delegate}, {threads} thread;
{date}.

Errors are of networks that the fit had not seen: for "networks", every
latency of the network (from any source) is left out; for "families", every
latency of networks of that name, of any width and resolution.
"""
WHY = """What rows of a host leave over a smooth price of their work is of that
host's kernels, and does not carry to a phone: XNNPACK on x86, for one, takes
three to five times the price of a depthwise convolution of 7x7; the phones,
by what ProxylessNAS takes on them, do not. So the smooth price is carried,
unless enough anchors say otherwise. Kinds of operation, squeeze-and-excite and
kernels apart or together matter little. An overhead of a network is fitted
near 0, and so none was tried by source. A factor a source matters where
sources are several (Pixel 1). The spreads of the
prior were chosen with these very anchors at hand, but change little.
""".splitlines()


def page(found: dict[str, Any]) -> str:
  """The results as markdown."""
  lines = [TOP.format(**found['host'])]
  for phone, how in found['phones'].items():
    lines += [f'## {PHONE[phone]}', '', *_phone(how), '']
  lines += ['## Pixel 1: how many anchors are enough', '', *_curve(found), '']
  if 'against measured blocks' in found:
    lines += ['## Pixel 1: block by block', '', *_blocks(found), '']
  lines += ['## What was tried', '', *_tried(found['tried'])]
  return '\n'.join(lines) + '\n'


def _phone(how: dict[str, Any]) -> list[str]:
  one, family = how['leave_one_network_out'], how['leave_one_family_out']
  factors = ', '.join(f'{k} {v:.3g}' for k, v in how['factors'].items())
  rows = [
    f'| {s} | {e["anchors"]} | {e["mean"]:.1%} | '
    f'{family["by_source"][s]["mean"]:.1%} | {how["source_scales"][s]:.3f} |'
    for s, e in one['by_source'].items()
  ]
  told = (
    f'Largest error: {one["max"]:.0%} (networks), {family["max"]:.0%} '
    f'(families). Factors: {factors}; overhead {how["overhead_ms"]:.2f} ms. '
    f'Of what the fit of rows leaves over, {how["residual"]:g} is carried.'
  )
  count, off = len(how['anchors']), family['mean']
  return [
    '| source | anchors | error, networks | error, families | scale |',
    '| --- | --- | --- | --- | --- |',
    *rows,
    f'| all | {count} | {one["mean"]:.1%} | {off:.1%} | |',
    '',
    told,
  ]


def _curve(found: dict[str, Any]) -> list[str]:
  every = found['phones']['pixel1']
  one = every['leave_one_network_out']
  rows = [
    f'| {r["anchors"]} | {r["median"]:.1%} | {r["p10"]:.1%} to {r["p90"]:.1%} |'
    for r in found['learning curve']
  ]
  return [
    'Mean error on the networks left out, over 100 random choices of anchors:',
    '',
    '| anchors | median | 10th to 90th percentile |',
    '| --- | --- | --- |',
    *rows,
    f'| all but one network of {len(every["anchors"])} | {one["mean"]:.1%} | |',
    '',
    '![errors](calibration.png)',
  ]


def _blocks(found: dict[str, Any]) -> list[str]:
  how = found['against measured blocks']
  told = (
    f'Against `{how["table"]}` ({how["blocks"]} blocks that others timed on a '
    f'Pixel 1, of another protocol): the transferred blocks are '
    f'{how["median ratio"]:.2f} of those in the median, and '
    f'{how["mean error at that ratio"]:.0%} off in the mean at that ratio '
    f'({how["within 10 % of it"]:.0%} of them within 10 %).'
  )
  return [told]


def _tried(tried: dict[str, Any]) -> list[str]:
  phones = list(next(iter(tried.values())))
  names = [f'{PHONE[p]} {what}' for p in phones for what in ('', 'families')]
  rows = []
  for name, row in tried.items():
    cells = [
      f'{row[p][group]:.1%}' for p in phones for group in ('network', 'family')
    ]
    rows.append(f'| {name} | {" | ".join(cells)} |')
  return [
    *WHY,
    '',
    'Mean errors of left-out networks and families:',
    '',
    f'| way | {" | ".join(n.strip() for n in names)} |',
    '| --- |' + ' --- |' * len(names),
    *rows,
  ]


def picture(found: dict[str, Any], path: Path) -> None:
  """Left out against published on Pixel 1, and the learning curve."""
  figure = mpl.Figure(figsize=(10, 4.6), layout='constrained')
  both, curve = figure.subplots(1, 2)
  anchors = found['phones']['pixel1']['anchors']
  for source in dict.fromkeys(a['source'] for a in anchors):
    own = [a for a in anchors if a['source'] == source]
    both.plot(
      [a['ms'] for a in own],
      [a['ms'] * (1 + a['left_out_error']) for a in own],
      'o', ms=4, label=source,
    )  # fmt: skip
  ends = [min(a['ms'] for a in anchors), max(a['ms'] for a in anchors)]
  for share, style in ((1, '-'), (0.9, '--'), (1.1, '--')):
    both.plot(ends, [share * e for e in ends], style, color='0.4', lw=0.8)
  both.set(
    xscale='log', yscale='log', xlabel='published, Pixel 1 (ms)',
    ylabel='predicted, left out (ms)',
  )  # fmt: skip
  both.legend(fontsize=7)
  rows = found['learning curve']
  sizes = [r['anchors'] for r in rows]
  curve.fill_between(
    sizes, [100 * r['p10'] for r in rows], [100 * r['p90'] for r in rows],
    alpha=0.2,
  )  # fmt: skip
  curve.plot(sizes, [100 * r['median'] for r in rows], 'o-')
  mean = found['phones']['pixel1']['leave_one_network_out']['mean']
  curve.axhline(100 * mean, color='0.4', lw=0.8, ls='--')
  curve.annotate('all', (sizes[0], 100 * mean), fontsize=8, va='bottom')
  curve.set(
    xscale='log', xticks=sizes, xticklabels=sizes, ylim=(0, None),
    xlabel='anchors', ylabel='mean error of networks left out, %',
  )  # fmt: skip
  curve.minorticks_off()
  figure.savefig(path, dpi=110)
