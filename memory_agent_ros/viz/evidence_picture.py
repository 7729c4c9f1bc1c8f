"""Remembered pictures with what was seen in them boxed and named."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.viz.scene import object_color


@dataclass(frozen=True, eq=False)
class BoxNote:
    """One box on a picture.

    Attributes:
        box_xyxy: (4,) pixels of the picture as it was taken.
        text: written at the box.
        color: hex colour.
    """

    box_xyxy: NDArray[np.float32]
    text: str
    color: str = "#e15759"


def evidence_note(evidence: Evidence, label: str) -> BoxNote:
    """Box of an observation with its label and score."""
    return BoxNote(evidence.box_xyxy, f"{label} {evidence.score:.2f}", object_color(label))


def draw_notes(rgb: NDArray[np.uint8], notes: Iterable[BoxNote], scale: float = 1.0) -> NDArray[np.uint8]:
    """(H, W, 3) picture resized by ``scale`` with boxes and texts drawn crisply at the new size."""
    image = Image.fromarray(rgb)
    if scale != 1.0:
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=max(11, round(image.width / 36)))
    width = max(2, round(image.width / 200))
    for note in notes:
        x0, y0, x1, y1 = (float(v) * scale for v in note.box_xyxy)
        x0, x1 = np.clip([x0, x1], 0, image.width - 1)
        y0, y1 = np.clip([y0, y1], 0, image.height - 1)
        draw.rectangle((x0, y0, max(x0, x1), max(y0, y1)), outline=note.color, width=width)
        left, top, right, bottom = draw.textbbox((0, 0), note.text, font=font)
        w, h = right - left + 6, bottom - top + 6
        tx = float(np.clip(x0, 0, max(0.0, image.width - w)))
        ty = y0 - h if y0 - h >= 0 else min(y1, image.height - h)
        draw.rectangle((tx, ty, tx + w, ty + h), fill=note.color)
        draw.text((tx + 3 - left, ty + 3 - top), note.text, fill="white", font=font)
    return np.asarray(image, dtype=np.uint8)


def keyframe_rgb(keyframe: Keyframe) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 picture of a keyframe."""
    return np.asarray(Image.open(io.BytesIO(keyframe.jpeg)).convert("RGB"), dtype=np.uint8)


def evidence_picture(keyframe: Keyframe, notes: Iterable[BoxNote], width: int = 480) -> NDArray[np.uint8]:
    """A keyframe's picture at ``width`` pixels with boxes drawn."""
    rgb = keyframe_rgb(keyframe)
    return draw_notes(rgb, notes, width / rgb.shape[1])


def picture_strip(pictures: Sequence[NDArray[np.uint8]], height: int = 360, gap: int = 6) -> NDArray[np.uint8]:
    """(H, W, 3) pictures side by side at the same height, a white gap between them."""
    parts: list[NDArray[np.uint8]] = []
    for rgb in pictures:
        width = max(1, round(rgb.shape[1] * height / rgb.shape[0]))
        part = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS), dtype=np.uint8)
        parts += [part, np.full((height, gap, 3), 255, dtype=np.uint8)]
    return np.concatenate(parts[:-1], axis=1) if parts else np.zeros((height, 0, 3), dtype=np.uint8)


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 85) -> bytes:
    """(H, W, 3) uint8 -> JPEG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()
