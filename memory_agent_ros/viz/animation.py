"""A small film: what the robot sees beside the map that grows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.viz.scene import MapScene
from memory_agent_ros.viz.topdown import blank_figure, draw_map, figure_rgb

_BAR = 26


class FilmFrames:
    """Draws the frames of the film; the map's axes are made once and cleared for each frame.

    Args:
        bounds: x low, x high, y low, y high of the map, metres, fixed over the film.
        height: of both halves, pixels; the map's width follows from the bounds.
    """

    def __init__(self, bounds: tuple[float, float, float, float], height: int = 300) -> None:
        self.bounds = bounds
        self.height = height
        aspect = (bounds[1] - bounds[0]) / (bounds[3] - bounds[2])
        self._figure = blank_figure(height * aspect / 100, height / 100, dpi=100)
        self._axes = self._figure.add_axes((0, 0, 1, 1))

    def draw(self, rgb: NDArray[np.uint8], scene: MapScene, caption: str) -> NDArray[np.uint8]:
        """(H, W, 3) camera picture + scene -> one frame (height + bar, ..., 3), caption below."""
        self._axes.clear()
        draw_map(self._axes, scene, bounds=self.bounds, adjust=False, font_size=6, label_from_m=0.4)
        self._axes.set_axis_off()
        plan = figure_rgb(self._figure)
        camera = Image.fromarray(rgb).resize((round(rgb.shape[1] * self.height / rgb.shape[0]), self.height))
        plan = np.asarray(Image.fromarray(plan).resize((plan.shape[1] // 2 * 2, self.height)))
        width = (camera.width + plan.shape[1]) // 2 * 2
        frame = Image.new("RGB", (width, self.height + _BAR), "white")
        frame.paste(camera, (0, 0))
        frame.paste(Image.fromarray(plan), (camera.width, 0))
        ImageDraw.Draw(frame).text((8, self.height + 4), caption, fill="#223344", font=ImageFont.load_default(size=14))
        return np.asarray(frame, dtype=np.uint8)


def write_film(path: Path, frames: Iterable[NDArray[np.uint8]], rate_hz: float = 6.0) -> Path:
    """Write frames as ``.gif`` (64 colours, looping) or ``.mp4``.

    Raises:
        BadInputError: ``film_format`` for another suffix, ``film_empty`` without frames.
    """
    pictures = list(frames)
    if not pictures:
        raise BadInputError("film_empty", "there is nothing to film: no frame was given")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gif":
        palette = Image.fromarray(np.concatenate(pictures[:: max(1, len(pictures) // 8)])).quantize(96)
        small = [Image.fromarray(p).quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
        small[0].save(
            path, save_all=True, append_images=small[1:], duration=round(1000 / rate_hz), loop=0, optimize=False
        )
    elif path.suffix == ".mp4":
        height, width = (size // 2 * 2 for size in pictures[0].shape[:2])
        film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, (width, height))
        for picture in pictures:
            film.write(cv2.cvtColor(picture[:height, :width], cv2.COLOR_RGB2BGR))
        film.release()
    else:
        raise BadInputError("film_format", f"{path.suffix} is no film format; use .gif or .mp4")
    return path
