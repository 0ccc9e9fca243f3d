"""Weights from other libraries, with the conventions they mean.

`load` finds out what a file holds and returns the network; `sources` has a
file for each library: which networks it has and what it calls their tensors;
`convert` turns its tensors into ours and refuses what does not fit; `read`
opens files, whoever wrote them, and `hub` fetches them.
"""

from mobilenet_jax.models.pretrained.load import Pretrained, load_pretrained
from mobilenet_jax.models.pretrained.own import save_weights

__all__ = ['Pretrained', 'load_pretrained', 'save_weights']
