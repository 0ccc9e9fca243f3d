"""A weight-sharing network in PyTorch: the peer of our search step.

The weights are those of the largest choices. A step draws a network, and
computes just that: kernels are the centres, widths the first channels (as
Once-for-all has them, arXiv 1908.09791), batch norm uses the batch.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from mobilenet_jax.arch import (
  Conv,
  Dense,
  InvertedResidual,
  OneOf,
  expanded_channels,
  has_expansion,
  squeezed_channels,
)
from mobilenet_jax.space import SearchSpace

ACTIVATIONS = {
  'linear': lambda x: x,
  'relu': functional.relu,
  'hard_swish': functional.hardswish,
}


class Elastic(torch.nn.Module):
  """All networks of a space; called on images and an index by tag."""

  def __init__(self, space: SearchSpace):
    super().__init__()
    self.blocks = space.spec.blocks
    self.weights = torch.nn.ParameterDict()
    channels = space.spec.in_channels
    for i, block in enumerate(self.blocks):
      channels = self._add(f'{i}', largest(block), channels)

  def forward(self, x: Any, choice: Mapping[str, int]) -> Any:
    for i, block in enumerate(self.blocks):
      chosen = picked(block, choice)
      if not getattr(chosen, 'keep', True):
        continue
      match chosen:
        case Conv():
          x = self._norm(
            self._conv(x, f'{i}', chosen.channels, chosen.stride), f'{i}',
            chosen.activation,
          )  # fmt: skip
        case InvertedResidual():
          x = self._block(x, f'{i}', chosen)
        case Dense():
          x = functional.linear(x, self.weights[f'{i}'])
        case _:
          x = x.mean((2, 3))
    return x

  def _add(self, name: str, block: Any, cin: int) -> int:
    match block:
      case Conv():
        self._make(name, block.channels, cin, block.kernel)
      case InvertedResidual():
        wide = expanded_channels(block, cin)
        if has_expansion(block, cin):
          self._make(f'{name}e', wide, cin, 1)
        self._make(f'{name}d', wide, 1, block.kernel)
        thin = squeezed_channels(block, wide)
        if thin:
          self._make(f'{name}r', thin, wide, 1)
          self._make(f'{name}x', wide, thin, 1)
        self._make(f'{name}p', block.channels, wide, 1)
      case Dense():
        weight = torch.randn(block.channels, cin) * cin**-0.5
        self.weights[name] = torch.nn.Parameter(weight)
      case _:
        return cin
    return block.channels

  def _make(self, name: str, cout: int, cin: int, kernel: int) -> None:
    weight = torch.randn(cout, cin, kernel, kernel)
    weight *= (cin * kernel**2) ** -0.5
    laid_out = weight.to(memory_format=torch.channels_last)
    self.weights[name] = torch.nn.Parameter(laid_out)
    self.weights[f'{name}_gain'] = torch.nn.Parameter(torch.ones(cout))
    self.weights[f'{name}_bias'] = torch.nn.Parameter(torch.zeros(cout))

  def _conv(
    self, x: Any, name: str, cout: int, stride: int = 1, kernel: int = 0
  ) -> Any:
    """A convolution; with a kernel size a depthwise one."""
    weight = self.weights[name]
    if not kernel:
      weight = weight[:cout, : x.shape[1]]
      return functional.conv2d(
        x, weight, stride=stride, padding=weight.shape[-1] // 2
      )
    edge = (weight.shape[-1] - kernel) // 2
    inner = slice(edge, edge + kernel)
    return functional.conv2d(
      x, weight[:cout, :, inner, inner], stride=stride, padding=kernel // 2,
      groups=cout,
    )  # fmt: skip

  def _norm(self, x: Any, name: str, activation: str) -> Any:
    count = x.shape[1]
    gain = self.weights[f'{name}_gain'][:count]
    bias = self.weights[f'{name}_bias'][:count]
    y = functional.batch_norm(x, None, None, gain, bias, training=True)
    return ACTIVATIONS[activation](y)

  def _block(self, x: Any, name: str, block: InvertedResidual) -> Any:
    shortcut, cin = x, x.shape[1]
    wide = expanded_channels(block, cin)
    if has_expansion(block, cin):
      x = self._norm(
        self._conv(x, f'{name}e', wide), f'{name}e', block.activation
      )
    x = self._conv(x, f'{name}d', wide, block.stride, block.kernel)
    x = self._norm(x, f'{name}d', block.activation)
    thin = squeezed_channels(block, wide)
    if thin:
      pooled = x.mean((2, 3), keepdim=True)
      inner = functional.relu(self._conv(pooled, f'{name}r', thin))
      x = x * functional.hardsigmoid(self._conv(inner, f'{name}x', wide))
    x = self._norm(
      self._conv(x, f'{name}p', block.channels), f'{name}p', 'linear'
    )
    return x + shortcut if x.shape == shortcut.shape else x


def drawn(space: SearchSpace, rng: np.random.Generator) -> dict[str, int]:
  """A network of the space, uniformly, as an index by tag."""
  return space.choice(space.sample(rng))


def picked(block: Any, choice: Mapping[str, int]) -> Any:
  """A block with its open fields closed."""
  return _closed(block, lambda value: value.choices[choice[value.tag]])


def largest(block: Any) -> Any:
  """A block with the largest choice of every field."""
  return _closed(block, lambda value: max(value.choices))


def _closed(block: Any, choose: Any) -> Any:
  fields = {
    field.name: choose(value)
    for field in dataclasses.fields(block)
    if isinstance(value := getattr(block, field.name), OneOf)
  }
  return dataclasses.replace(block, **fields)
