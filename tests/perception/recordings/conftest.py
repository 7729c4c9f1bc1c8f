"""The synthetic room as a 7-Scenes and as a TUM folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from memory_agent_ros.geometry.se3 import to_position_quaternion
from tests.perception.recordings.room import K, camera_pose, render, tilted_world


@pytest.fixture
def seven_scenes(tmp_path: Path) -> Path:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    np.savetxt(folder / "camera-intrinsics.txt", K)
    for step in range(12):
        T = camera_pose(step)
        rgb, depth = render(T)
        stem = folder / f"frame-{step * 3:06d}"
        cv2.imwrite(f"{stem}.color.png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        millimetres = np.round(depth * 1000).astype(np.uint16)
        millimetres[0, 0] = 65535
        cv2.imwrite(f"{stem}.depth.png", millimetres)
        np.savetxt(f"{stem}.pose.txt", tilted_world() @ T)
    return folder


@pytest.fixture
def write_tum(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "rgbd_dataset_freiburg2_desk", steps: int = 10) -> Path:
        folder = tmp_path / name
        for sub in ("rgb", "depth"):
            (folder / sub).mkdir(parents=True)
        lists: dict[str, list[str]] = {
            "rgb": ["# color"],
            "depth": ["# depth"],
            "groundtruth": ["# t x y z qx qy qz qw"],
        }
        for step in range(steps):
            T = camera_pose(step)
            rgb, depth = render(T)
            t, t_depth = 1305031102.175304 + 0.1 * step, 1305031102.180000 + 0.1 * step
            cv2.imwrite(str(folder / "rgb" / f"{t:.6f}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
            cv2.imwrite(str(folder / "depth" / f"{t_depth:.6f}.png"), np.round(depth * 5000).astype(np.uint16))
            lists["rgb"].append(f"{t:.6f} rgb/{t:.6f}.png")
            lists["depth"].append(f"{t_depth:.6f} depth/{t_depth:.6f}.png")
        for step in np.arange(-1, steps + 1, 0.5):
            position, quaternion = to_position_quaternion(camera_pose(step))
            numbers = " ".join(f"{x:.6f}" for x in (*position, *quaternion))
            lists["groundtruth"].append(f"{1305031102.175304 + 0.1 * step:.4f} {numbers}")
        for kind, lines in lists.items():
            (folder / f"{kind}.txt").write_text("\n".join(lines) + "\n")
        return folder

    return write
