"""Packaging: ranges here, exact tested pins in launch/constraints-*.txt."""

from pathlib import Path

from setuptools import find_packages, setup

CORE = [
  'absl-py>=2.1',
  'flax>=0.12.6',
  'grain>=0.2.15',
  'importlib_resources',  # tensorflow-datasets 4.9.10 imports and omits it
  'jax>=0.10',
  'ml-collections>=1.0',
  'numpy>=2.0',
  'optax>=0.2.6',
  'optuna>=5,<6',
  'orbax-checkpoint>=0.12',
  'pillow>=11',
  'pyyaml>=6',
  'rich>=13',
  'safetensors>=0.8',
  'scikit-learn>=1.5',
  'scipy>=1.13',
  'sqlalchemy>=2',  # the trials' database
  'tensorflow-datasets>=4.9.9',
]
EXTRAS = {
  'tflite': ['tensorflow-cpu>=2.20', 'ai-edge-litert>=2.1', 'flatbuffers>=24'],
  'report': ['matplotlib>=3.10', 'plotly>=6'],
  'hub': ['huggingface_hub>=0.30'],
  'torch': ['torch>=2.6'],
  'keras': ['h5py>=3.11'],
  'tensorboard': ['tensorboardX>=2.6'],
  'postgres': ['psycopg[binary]>=3.2'],
  'gpu': ['jax[cuda13]'],
  'tpu': ['jax[tpu]'],
}
EXTRAS['test'] = [
  *EXTRAS['tflite'], *EXTRAS['report'], *EXTRAS['tensorboard'],
  *EXTRAS['hub'], *EXTRAS['keras'], *EXTRAS['postgres'],
  'hypothesis>=6', 'pyrefly>=0.40', 'pytest>=8', 'ruff>=0.12',
]  # fmt: skip
EXTRAS['all'] = [
  *EXTRAS['tflite'], *EXTRAS['report'], *EXTRAS['tensorboard'],
  *EXTRAS['hub'], *EXTRAS['keras'], *EXTRAS['postgres'],
]  # fmt: skip

setup(
  name='mobilenet-jax',
  version='0.1.0',
  description='MobileNets in JAX, and the search for the next one.',
  long_description=Path('README.md').read_text(),
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  license_files=['LICENSE'],
  python_requires='>=3.11',
  packages=find_packages(include=['mobilenet_jax', 'mobilenet_jax.*']),
  package_data={
    'mobilenet_jax': [
      'README.md',
      'data/imagenet_labels.txt',
      'latency/anchor_sets/*',
      'latency/tables/*',
      'nn/native/*.cc',
      'nn/native/*.h',
    ],
  },
  install_requires=CORE,
  extras_require=EXTRAS,
  entry_points={
    'console_scripts': ['mobilenet-jax = mobilenet_jax.cli.main:main']
  },
)
