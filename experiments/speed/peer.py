"""The worker of the peers: torchvision, and timm for what it does not have."""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from elastic import Elastic, drawn
from worker import Step, serve

from mobilenet_jax.space import get_space

TORCHVISION = ('mobilenet_v2', 'mobilenet_v3_large', 'mobilenet_v3_small')
TIMM = {
  'mobilenet_v1': 'mobilenetv1_100',
  'mobilenet_v3_large': 'mobilenetv3_large_100',
  'mobilenet_v4_conv_small': 'mobilenetv4_conv_small',
  'mobilenet_v4_conv_medium': 'mobilenetv4_conv_medium',
}
OPERATORS = (
  'nms(Tensor d, Tensor s, float t) -> Tensor',
  'qnms(Tensor d, Tensor s, float t) -> Tensor',
  *(
    f'{name}(Tensor a) -> {result}'
    for name, result in {
      'roi_align': 'Tensor',
      '_roi_align_backward': 'Tensor',
      'roi_pool': '(Tensor, Tensor)',
      '_roi_pool_backward': 'Tensor',
      'ps_roi_align': '(Tensor, Tensor)',
      '_ps_roi_align_backward': 'Tensor',
      'ps_roi_pool': '(Tensor, Tensor)',
      '_ps_roi_pool_backward': 'Tensor',
      'deform_conv2d': 'Tensor',
      '_deform_conv2d_backward': 'Tensor',
    }.items()
  ),
)


def make(case: Mapping[str, Any]) -> tuple[Step, dict[str, Any]]:
  """The step of a case, and what it runs on."""
  gpu = case['platform'] == 'gpu'
  device = torch.device('cuda' if gpu else 'cpu')
  torch.set_num_threads(case['threads'])
  if case['what'] not in ('train', 'forward'):
    return search(case), {
      'library': f'elastic.py on torch {torch.__version__}, channels_last',
      'device': 'cpu',
    }
  model, library = load(case['model'], gpu)
  shape = (case['batch'], 3, case['resolution'], case['resolution'])
  layout = torch.channels_last
  model = model.to(device, memory_format=layout)
  images = torch.randn(shape, device=device).to(memory_format=layout)
  labels = torch.randint(0, 1000, (case['batch'],), device=device)
  half = case['precision'] == 'bfloat16'
  cast = torch.autocast(device.type, torch.bfloat16) if half else None
  model = torch.compile(model) if gpu else model
  given = model, images, labels, cast or contextlib.nullcontext()
  if case['what'] == 'train':
    run = train(*given, model.train().parameters())
  else:
    run = forward(*given)

  def step() -> None:
    run()
    if gpu:
      torch.cuda.synchronize()

  name = torch.cuda.get_device_name() if gpu else 'cpu'
  return step, {'library': library, 'device': name}


def load(name: str, gpu: bool) -> tuple[Any, str]:
  """A peer's network with random weights, and whose it is."""
  if not gpu:
    # a build of torch for CPU lacks torchvision's operators; declaring those
    # that it wants at import is enough
    library = torch.library.Library('torchvision', 'DEF')
    with contextlib.suppress(RuntimeError):
      for operator in OPERATORS:
        library.define(operator)
  if name in TORCHVISION and not gpu:
    import torchvision

    model = getattr(torchvision.models, name)()
    said = f'torchvision {torchvision.__version__}'
  else:
    import timm

    model = timm.create_model(TIMM[name])
    said = f'timm {timm.__version__}'
  return model, f'{said} on torch {torch.__version__}, channels_last'


def forward(model: Any, images: Any, labels: Any, cast: Any) -> Step:
  """A forward pass of evaluation."""
  del labels
  model.eval()

  def run() -> None:
    with torch.inference_mode(), cast:
      model(images)

  return run


def train(
  model: Any, images: Any, labels: Any, cast: Any, parameters: Any
) -> Step:
  """A training step with RMSProp."""
  optimizer = torch.optim.RMSprop(
    parameters, 1e-3, momentum=0.9, weight_decay=1e-5
  )
  loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)

  def run() -> None:
    optimizer.zero_grad()
    with cast:
      loss = loss_of(model(images), labels)
    loss.backward()
    optimizer.step()

  return run


def search(case: Mapping[str, Any]) -> Step:
  """A training step of a sampled network of a space ('search-weights'), and
  ('search') the score of another on as many images."""
  space = get_space(case['model'], case['resolution'], 1000)
  model, rng = Elastic(space), np.random.default_rng(0)
  shape = (case['batch'], 3, case['resolution'], case['resolution'])
  images = torch.randn(shape).to(memory_format=torch.channels_last)
  labels = torch.randint(0, 1000, (case['batch'],))
  move = train(
    lambda x: model(x, drawn(space, rng)), images, labels,
    contextlib.nullcontext(), model.parameters(),
  )  # fmt: skip

  def run() -> None:
    move()
    if case['what'] == 'search':
      with torch.inference_mode():
        logits = model(images, drawn(space, rng))
        (logits.argmax(1) == labels).float().mean().item()

  return run


if __name__ == '__main__':
  serve(make)
