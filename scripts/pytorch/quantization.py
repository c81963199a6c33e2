"""What quantization on the wire does to the features: docs/protocol.md, in NumPy."""

import numpy as np


def quantize(features: np.ndarray, bits: int, scale: str, full_scale: float) -> np.ndarray:
    """The features as the cloud decodes them, bit for bit. One call per batch: a batch shares its scales.

    features: float32 [N, C, H, W], finite. bits: 1 to 8, 16 or 32. scale: "tensor" or "channel".
    full_scale: the fraction of the largest value that the largest code stands for.
    """
    if features.dtype != np.float32 or not np.isfinite(features).all():
        raise ValueError("the features must be finite float32")
    if bits == 32:
        return features
    if bits == 16:
        return np.clip(features, -65504, 65504).astype(np.float16).astype(np.float32)
    levels = 2**bits - 1
    axes = {"tensor": (0, 1, 2, 3), "channel": (0, 2, 3)}[scale]
    step_size, zero_point = _parameters(features, levels, axes, full_scale)
    codes = np.rint(np.clip(features * (np.float32(1) / step_size) + zero_point, 0, levels))  # ties to even
    largest = np.finfo(np.float32).max
    return np.clip((codes - zero_point) * step_size, -largest, largest)


def _parameters(features: np.ndarray, levels: int, axes, full_scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Scale and zero point of each group, float32, computed in double precision."""
    low = full_scale * np.minimum(features.min(axis=axes, keepdims=True), 0).astype(np.float64)
    high = full_scale * np.maximum(features.max(axis=axes, keepdims=True), 0).astype(np.float64)
    step = np.maximum((high - low) / levels, np.finfo(np.float32).tiny)
    quotient = -low / step
    zero_point = np.floor(quotient)
    zero_point += quotient - zero_point >= 0.5  # ties away from zero
    zero_point = np.minimum(zero_point, levels)
    step = np.minimum(step, np.finfo(np.float32).max)
    empty = high == low
    step, zero_point = np.where(empty, 1, step), np.where(empty, 0, zero_point)
    return step.astype(np.float32), zero_point.astype(np.float32)
