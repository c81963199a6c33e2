"""Test images as both programs read and normalize them."""

import os

import numpy as np

# Per channel, of values from 0 to 1: the figures in general use for CIFAR-10.
MEAN = np.array([0.4914, 0.4822, 0.4465], dtype=np.float32)
STANDARD_DEVIATION = np.array([0.2470, 0.2435, 0.2616], dtype=np.float32)

PIXELS = 3 * 32 * 32


def read_cifar10(directory: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first test images, uint8 [count, 3, 32, 32], and their labels, uint8 [count]."""
    path = os.path.join(directory, "test_batch.bin")
    records = np.fromfile(path, dtype=np.uint8, count=count * (1 + PIXELS))
    if records.size != count * (1 + PIXELS):
        raise ValueError(f"{path}: expected {count * (1 + PIXELS)} bytes for {count} images, found {records.size}")
    records = records.reshape(count, 1 + PIXELS)
    return records[:, 1:].reshape(count, 3, 32, 32), records[:, 0]


def normalize(images: np.ndarray) -> np.ndarray:
    """(value / 255 - mean) / standard deviation, float32 [count, 3, 32, 32]."""
    values = images.astype(np.float32) / np.float32(255)
    return (values - MEAN[:, None, None]) / STANDARD_DEVIATION[:, None, None]
