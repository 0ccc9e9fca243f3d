"""Narrows a trained network down to a latency: NetAdapt, as MobileNetV3 did.

arXiv 1905.02244, section 4.2: each step proposes networks that are at least 1 %
of the seed's latency faster, each by a narrower expansion or by a narrower
output of blocks that shortcuts join; trains each a little, and goes on from the
one with the most accuracy per millisecond.

What differs from the paper: 40 steps of training a proposal, not 10,000; the
widths of stem and head are proposed, too; at its end the weights are trained
on, not anew. For that, `mobilenet-jax train` takes the run's arch.json.

    mobilenet-jax refine --config=configs/refine.py --workdir=runs/refined \
      --weights=runs/digits --target_ms=0.5

`--weights` is the run folder of a training or a search, or a file that
import-weights wrote (then `--arch` names its network). Without `--config` the
same settings hold, and images are those of the run. Every proposal is in
`proposals.jsonl` of the run folder, `refine.png` shows the way.

Seen on 2 CPU cores that did other work as well: the network that the quickstart
found, 10 blocks, from 0.151 to 0.120 ms by the shipped table host-xeon-float32
in 6.5 minutes, 17 iterations of 11 proposals and 20 steps each (one run).

Variants: `:netadapt` is the original (arXiv 1804.03230): 2.5 % of the latency,
times 0.96 every step, the least loss of accuracy per millisecond, and filters
of the largest norm are kept. `:runlocal` takes a few steps of everything. Both
together: `:netadapt,runlocal`.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen
from mobilenet_jax.jobs.refine_defaults import refine_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '', 'netadapt' and / or 'runlocal'."""
  original, local = chosen(variant, ('', 'netadapt'), RUNLOCAL)
  config = refine_config()
  config.data.name = 'digit_scenes/32'
  config.data.held_out_split = 'validation'
  if original:
    config.refine.delta, config.refine.decay = 0.025, 0.96
    config.refine.criterion, config.refine.keep = 'netadapt', 'norm'
  if local:
    config.refine.delta = 0.1
    config.refine.steps, config.refine.batch = 2, 16
    config.refine.held_out_images = 100
    config.train.steps, config.train.batch = 4, 16
    config.train.save_every = 2
    config.train.log_every = 1
    config.data.train_split = 'train[:10%]'
    config.data.held_out_split = 'validation[:10%]'
    config.data.test_split = 'test[:10%]'
  return config
