"""One set of weights for all networks of a space, none trained again.

Shared weights are trained by the sandwich rule with in-place distillation
(BigNAS, arXiv 2003.11142); evolution (Once-for-all, arXiv 1908.09791, 3.4)
then takes the most accurate network within the latency window, by what it
inherits. It is written with these weights, its batch norm recalibrated
(`inherited.safetensors`, `inherited.tflite`), and, to be compared with others
fairly, trained from scratch beside them as in configs/quickstart.py.

    mobilenet-jax search --config=configs/search_sandwich.py \
      --workdir=runs/sandwich
    mobilenet-jax evaluate --tflite=runs/sandwich/inherited.tflite \
      --data=digit_scenes/32

Differs from BigNAS: a warm-up of the largest network alone, as Once-for-all has
it; a space of 32 px and digit scenes instead of ImageNet; SGD with a cosine
instead of RMSProp with an exponential decay to a constant end; no dropout for
the largest network, no initialization that zeroes the last scale of a block;
all that a step trains sees one resolution, and by default that is the space's
own, one of several where the space searches it: otherwise `search.resolutions`
of (24, 32, 40), say, draws one a step.
Once-for-all evolves 100 networks for 500 generations by a predictor of the
accuracy; here networks are evaluated, by the statistics of held-out batches,
and so fewer. `search.explorer='nsga2'` takes NSGA-II instead, which explores
the front up to the target.

After the warm-up a step costs four passes. Seen on 2 busy CPU cores after 600
steps (200 s, 40 s of them compiling): with the weights they inherit the largest
network is right on 69 % of the held-out scenes, the smallest on 41 %, ten
random ones on 35 to 49 %; recalibrated, the first two on 70 % and 40 %. After
250 steps without a warm-up it was 10 to 19 %. The 1200 steps below have not
been run yet.

Variant: `configs/search_sandwich.py:runlocal` takes a few steps of everything
on a tiny space; its accuracies mean nothing.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen, digits_search_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = digits_search_config(local=bool(local))
  search = config.search
  search.algorithm = 'sandwich'
  search.steps = 6 if local else 1200
  search.warm_up = 0.5  # share of the steps that train the largest alone
  search.resolutions = ()  # those of the steps; () is the space's own
  search.optimizer.learning_rate = 0.1

  search.explorer = 'evolution'  # or 'nsga2'
  search.population = 6 if local else 50  # 100 as published
  search.generations = 2 if local else 15  # 500
  search.parents = 0.25  # of a population
  search.mutated = 0.5  # of the children; the others are crossed
  search.mutation = 0.1  # of a decision
  search.calibration_batches = 4 if local else 64
  return config
