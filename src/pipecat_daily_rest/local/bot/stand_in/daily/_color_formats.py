# SPDX-License-Identifier: BSD-2-Clause
"""Pictures in daily-python's color formats, from and to the RGB of a local room."""

import math

import numpy as np
from numpy.typing import NDArray

_MOST_PIXELS = 1280 * 800  # that a picture for the room may have

# BT.601 with limited range, as cameras and VP8 have it.
_TO_RGB = np.array([[1.164, 0, 1.596], [1.164, -0.392, -0.813], [1.164, 2.017, 0]], np.float32)
_TO_YUV = np.array(
    [[0.257, 0.504, 0.098], [-0.148, -0.291, 0.439], [0.439, -0.368, -0.071]], np.float32
)
_ZERO = np.array([16, 128, 128], np.float32)  # black in YUV


def to_rgb(frame: bytes, width: int, height: int, color_format: str) -> tuple[bytes, int, int]:
    """Convert a picture to RGB; give its pixels, width and height, smaller if it is too large."""
    if color_format == "I420":
        pixels = _read_i420(frame, width, height)
    else:
        order = [color_format.index(colour) for colour in "RGB"]
        pixels = np.frombuffer(frame, np.uint8).reshape(height, width, len(color_format))
        if order != [0, 1, 2]:
            pixels = pixels[:, :, order]
        pixels = pixels[:, :, :3]
    step = math.ceil(math.sqrt(width * height / _MOST_PIXELS)) if width * height else 1
    pixels = pixels[::step, ::step]
    return pixels.tobytes(), pixels.shape[1], pixels.shape[0]


def from_rgb(rgb: bytes, width: int, height: int, color_format: str) -> bytes:
    """Convert a picture from RGB to a color format."""
    if color_format == "RGB":
        return rgb
    pixels = np.frombuffer(rgb, np.uint8).reshape(height, width, 3)
    if color_format == "I420":
        return _write_i420(pixels)
    written = np.full((height, width, 4), 255, np.uint8)
    written[:, :, [color_format.index(colour) for colour in "RGB"]] = pixels
    return written.tobytes()


def _read_i420(frame: bytes, width: int, height: int) -> NDArray[np.uint8]:
    half = ((height + 1) // 2, (width + 1) // 2)
    data = np.frombuffer(frame, np.uint8)
    luma, chroma = np.split(data, [width * height])
    u, v = (
        plane.reshape(half).repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
        for plane in np.split(chroma, 2)
    )
    yuv = np.stack([luma.reshape(height, width), u, v], axis=-1).astype(np.float32)
    return np.clip((yuv - _ZERO) @ _TO_RGB.T + 0.5, 0, 255).astype(np.uint8)


def _write_i420(pixels: NDArray[np.uint8]) -> bytes:
    height, width, _ = pixels.shape
    yuv = pixels.astype(np.float32) @ _TO_YUV.T + _ZERO + 0.5
    even = np.pad(yuv, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    chroma = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    planes = (yuv[:, :, 0], chroma[:, :, 1], chroma[:, :, 2])
    return b"".join(plane.astype(np.uint8).tobytes() for plane in planes)
