"""A multi-trial search on real handwritten digits: networks trained one by one.

A policy proposes a network of a MobileNetV3-like space at 32 px, it is trained
alone for a few hundred steps and judged on held-out scenes, and the policy
learns from its reward. The best within the latency window is then trained as
long as its rivals (configs/quickstart.py). Regularized evolution (arXiv
1802.01548) by default; --config.search.policy=random, policy_gradient (MnasNet,
arXiv 1807.11626), nsga2 or tpe (Optuna's) are others.

What differs from the papers: tens of trials instead of thousands, so a small
population; a network is proposed as soon as the last one is known.

    mobilenet-jax search --config=configs/trials.py --workdir=runs/trials

The trials are in runs/trials/trials.db; `optuna-dashboard
sqlite:///runs/trials/trials.db` shows them. Many computers share a PostgreSQL
database: --storage=postgresql://USER@HOST/DATABASE (extra [postgres]; the
password in ~/.pgpass or $PGPASSWORD, where no list of processes shows it) and,
on every one that is to help, the same command with --worker; see
launch/search_workers.sh.

Variant: `configs/trials.py:runlocal` takes a few steps of everything on a tiny
space and a tenth of the scenes; its accuracies mean nothing.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen, digits_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  networks = digits_config(local=False)  # how each is trained, and on what
  config = ConfigDict()
  config.seed = 0
  config.space = 'v3_small_images'

  config.data = networks.data
  config.data.held_out_split = 'validation'

  config.latency = ConfigDict()
  config.latency.table = ''  # '' measures this computer
  config.latency.target_ms = 0.0  # 0 takes target_quantile
  config.latency.target_quantile = 0.25  # of random networks of the space
  config.latency.tolerance = 0.03  # of the target, for every contender

  config.search = ConfigDict()
  config.search.algorithm = 'trials'
  config.search.policy = 'evolution'
  config.search.trials = 40  # networks that are trained
  config.search.reward = 'absolute'  # or 'mnasnet_soft', 'mnasnet_hard'
  config.search.beta = -0.3
  config.search.pruner = ''  # or 'median'
  config.search.population = 12  # of evolution and NSGA-II
  config.search.tournament = 6
  config.search.mutations = 1.5  # decisions a child, on average
  config.search.policy_batch = 4  # trials a step of the policy gradient
  config.search.learning_rate = 0.15  # of the policy gradient
  config.search.train = ConfigDict(networks.train)  # of a trial
  config.search.train.steps = 200

  config.train = networks.train

  config.compare = ConfigDict()
  config.compare.model = 'mobilenet_v3_small'
  config.compare.random = 3

  if local:
    config.space = 'v3_tiny'
    config.search.trials = 4
    config.search.population = 2
    for part, steps in ((config.search.train, 2), (config.train, 4)):
      part.steps, part.batch = steps, 16
      part.save_every = steps // 2
      part.log_every = 1
    config.compare.random = 1
    config.latency.tolerance = 0.2
    config.data.train_split = 'train[:10%]'
    config.data.held_out_split = 'validation[:10%]'
    config.data.test_split = 'test[:10%]'
    config.compare.model = 'mobilenet_v1_shallow'  # compiles in a third of V3's
  return config
