"""A multi-trial search on real handwritten digits: networks trained one by one.

A policy proposes a network of a MobileNetV3-like space at 32 px, it is trained
alone for a few hundred steps and judged on held-out scenes, and the policy
learns from its reward. The best within the latency window is then trained as
long as its rivals (configs/quickstart.py). Regularized evolution (arXiv
1802.01548) by default; --config.search.policy=random, policy_gradient (MnasNet,
arXiv 1807.11626), nsga2 (a front of accuracy and latency, not the reward) or
tpe (both Optuna's) are others.

What differs from the papers: tens of trials instead of thousands, so a small
population; a network is proposed as soon as the last one is known.

    mobilenet-jax search --config=configs/trials.py --workdir=runs/trials

With --config.search.at_once=8 a worker trains eight networks in one compiled
program, proposed before any of them is known: masks of the weight-sharing
network, each with weights, an optimizer and a seed of its own. It compiles once
instead of once a network, and side by side small networks are to fill an
accelerator (not measured). What differs from training them alone is in
mobilenet_jax/supernet/many.py; nothing is kept on the way, so a group that was
stopped begins anew; there is no pruner.

The trials are in runs/trials/trials.db; `optuna-dashboard
sqlite:///runs/trials/trials.db` shows them (a parameter is the index of a
choice; the words are in the study's attribute `choices`). Many computers share
a PostgreSQL database: --storage=postgresql://USER@HOST/DATABASE (extra
[postgres]; the password in ~/.pgpass or $PGPASSWORD, where no list of processes
shows it) and, on every one that is to help, the same command with --worker; see
launch/search_workers.sh.

Variant: `configs/trials.py:runlocal` takes a few steps of everything on a tiny
space and a tenth of the scenes; its accuracies mean nothing.
"""

from ml_collections import ConfigDict

from mobilenet_jax.jobs.recipes import RUNLOCAL, chosen, digits_loop_config


def get_config(variant: str = '') -> ConfigDict:
  """Returns the config; `variant` is '' or 'runlocal'."""
  (local,) = chosen(variant, RUNLOCAL)
  config = digits_loop_config(local=bool(local))
  search = config.search
  search.algorithm = 'trials'
  search.policy = 'evolution'
  search.trials = 4 if local else 40  # networks that are trained
  search.at_once = 1  # in one program; with more, see above
  search.reward = 'absolute'  # or 'mnasnet_soft', 'mnasnet_hard'
  search.beta = -0.3
  search.pruner = ''  # or 'median'
  search.population = 2 if local else 12  # of evolution and NSGA-II
  search.tournament = 6
  search.mutations = 1.5  # decisions a child, on average
  search.policy_batch = 4  # trials a step of the policy gradient
  search.learning_rate = 0.15  # of the policy gradient
  search.train = ConfigDict(config.train)  # of a trial
  search.train.steps = 2 if local else 200
  search.train.save_every = 1 if local else 50  # and is looked at by a pruner
  return config
