"""What the README shows runs as it stands there."""

import numpy as np
from PIL import Image

import mobilenet_jax as mnj
from mobilenet_jax.tasks.classification import init_variables

HEAD = '### Predictions and features'


def code(text, head):
  """The indented lines of a section, dedented."""
  section = text.split(f'{head}\n')[1].split('\n#')[0]
  lines = section.splitlines()
  return '\n'.join(line[4:] for line in lines if line.startswith('    '))


# a small one by the name of the README's
SMALL = (
  'mobilenet_v3_small@64 conv_k3_s2_c4_hs max_k4_s4 ir_k3_s2_e2_c4_hs '
  'pool dense_c8_hs dense_c1000_li'
)


def test_predictions_and_features(tmp_path, monkeypatch, request):
  monkeypatch.chdir(tmp_path)
  pixels = np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)
  for name in ('cat.jpg', 'dog.png'):
    Image.fromarray(pixels).save(name)
  model = mnj.create_model(SMALL)
  variables = init_variables(model, 0)
  mnj.save_weights('v3_small.safetensors', model.spec, variables)
  readme = (request.config.rootpath / 'README.md').read_text()
  seen = {}
  exec(code(readme, HEAD), seen)
  assert seen['images'].shape == (2, 64, 64, 3)
  assert seen['probs'].shape == (2, 1000)
  assert seen['vectors'].shape == (2, 8)
  assert seen['maps'].shape[:3] == (2, 4, 4)
