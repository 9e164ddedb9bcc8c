"""tools/installed.py: an installed libllama is found by its prefix, or what is missing is said."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

import installed
import native_build

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="libraries are named as on Linux")

MULTIARCH = sysconfig.get_config_var("MULTIARCH") or "any"


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LLAMACFFI_SOURCE_DIR", "LLAMACFFI_CPU_VARIANTS", "CMAKE_ARGS"):
        monkeypatch.delenv(name, raising=False)
    prefix = tmp_path / "a prefix, größer"
    (prefix / "include").mkdir(parents=True)
    (prefix / "include" / "llama.h").touch()
    monkeypatch.setenv("LLAMACFFI_PREFIX", str(prefix))
    return prefix


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"lib{name}.so").touch()


CORE = ("llama", "ggml", "ggml-base")


def test_not_set(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLAMACFFI_PREFIX")
    assert installed.find() is None


@pytest.mark.parametrize("folder", ["lib", "lib64", f"lib/{MULTIARCH}", "lib/llama.cpp"])
def test_folders(prefix: Path, folder: str) -> None:
    put(prefix / folder, *CORE, "mtmd", "ggml-cpu", "ggml-vulkan", "llama-common")
    found = installed.find()
    assert found
    assert (found.include, found.library) == (prefix / "include", prefix / folder)
    assert [path.name for path in found.core] == ["libllama.so", "libggml.so", "libggml-base.so", "libmtmd.so"]
    assert [path.name for path in found.backends] == ["libggml-cpu.so", "libggml-vulkan.so"]
    arguments = found.link_arguments()
    assert arguments[:4] == list(map(str, found.core))
    assert f"-Wl,-rpath,{found.library}" in arguments
    assert arguments.index("-Wl,--as-needed") < arguments.index(str(found.backends[0]))


def test_this_machine_s_before_any_other(prefix: Path) -> None:
    for folder in ("lib/aaa-linux-gnu", "lib"):
        put(prefix / folder, *CORE)
    found = installed.find()
    assert found
    assert found.library == prefix / "lib"


@pytest.mark.parametrize("folder", ["/usr/lib", "/usr/lib64"])
def test_no_path_to_where_the_linker_looks_anyway(folder: str) -> None:
    found = installed.Installed(Path("/usr/include"), Path(folder), [Path(folder, "libllama.so")], [])
    assert found.link_arguments() == [f"{folder}/libllama.so"]


def test_nothing_there(prefix: Path) -> None:
    (prefix / "include" / "llama.h").unlink()
    with pytest.raises(native_build.BuildError, match=r"there is no .*llama\.h: install llama\.cpp's headers there"):
        installed.find()


def test_static_libraries(prefix: Path) -> None:
    (prefix / "lib").mkdir()
    (prefix / "lib" / "libllama.a").touch()
    with pytest.raises(native_build.BuildError, match=r"there is no libllama\.so below .*BUILD_SHARED_LIBS=ON"):
        installed.find()


def test_library_missing(prefix: Path) -> None:
    put(prefix / "lib", "llama", "ggml")
    with pytest.raises(native_build.BuildError, match=r"a libllama\.so in .*, and no libggml-base\.so beside it"):
        installed.find()


@pytest.mark.parametrize("name", ["LLAMACFFI_SOURCE_DIR", "CMAKE_ARGS", "LLAMACFFI_CPU_VARIANTS"])
def test_with_what_builds(prefix: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    put(prefix / "lib", *CORE)
    monkeypatch.setenv(name, "x")
    with pytest.raises(native_build.BuildError, match=f"LLAMACFFI_PREFIX=.* and {name} are both set"):
        installed.find()
