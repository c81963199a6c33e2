"""Test images as both programs read and normalize them."""

import os

import numpy as np

# Of CIFAR-10.
PIXELS = 3 * 32 * 32


def read_cifar10(directory: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first test images, uint8 [count, 3, 32, 32], and their labels, uint8 [count]."""
    path = os.path.join(directory, "test_batch.bin")
    records = np.fromfile(path, dtype=np.uint8, count=count * (1 + PIXELS))
    if records.size != count * (1 + PIXELS):
        raise ValueError(f"{path}: expected {count * (1 + PIXELS)} bytes for {count} images, found {records.size}")
    records = records.reshape(count, 1 + PIXELS)
    return records[:, 1:].reshape(count, 3, 32, 32), records[:, 0]


def normalize(images: np.ndarray, task) -> np.ndarray:
    """(value / 255 - mean) / standard deviation of the networks.Task, float32, of the images' shape."""
    values = images.astype(np.float32) / np.float32(255)
    mean, deviation = (np.array(figures, dtype=np.float32)[:, None, None] for figures in (task.mean, task.deviation))
    return (values - mean) / deviation
