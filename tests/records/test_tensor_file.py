"""Named tensors come back from their file, of both kinds; nothing else is read as one."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("safetensors")

from memory_agent_ros.records.tensor_file import read_header, read_tensors, write_tensors


def test_arrays_come_back_with_their_header_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "new" / "weights.safetensors"
    told = np.arange(6, dtype=np.float32).reshape(2, 3).T  # not contiguous
    write_tensors(path, {"a": told}, {"format": "x"}, mode=0o600)
    tensors, header = read_tensors(path, "numpy")
    assert np.array_equal(tensors["a"], told) and header == {"format": "x"} == read_header(path)
    assert path.stat().st_mode & 0o777 == 0o600 and list(path.parent.iterdir()) == [path]


def test_tensors_of_torch_come_back_in_their_type(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    told = torch.randn(3, 2, dtype=torch.bfloat16, requires_grad=True)
    write_tensors(tmp_path / "w", {"a": told, "b": told.T}, {})
    tensors, _ = read_tensors(tmp_path / "w")
    assert torch.equal(tensors["a"], told) and torch.equal(tensors["b"], told.T)
    assert tensors["a"].dtype is torch.bfloat16 and not tensors["a"].requires_grad


@pytest.mark.parametrize("content", [b"", b"no tensors", (2**60).to_bytes(8, "little") + b"{}"])
def test_other_files_are_refused_in_one_way(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w"
    path.write_bytes(content)
    for read in (read_tensors, read_header):
        with pytest.raises(ValueError):
            read(path)
    with pytest.raises(OSError):
        read_tensors(tmp_path / "absent")
