"""Images for training: TFDS sources, digit scenes, augmentation, batches."""
