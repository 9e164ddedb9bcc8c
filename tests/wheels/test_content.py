"""What is in the wheels: all variants and licences, nothing of the machine that built them, and not too much."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import vendor
from pinned import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="auditwheel is for Linux")

# What every system has in one version only, so that a wheel must not bring it: C's and C++'s libraries.
OF_THE_SYSTEM = re.compile(r"lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s)\.so\.\d|ld-linux[\w-]*\.so\.\d")


@pytest.fixture(scope="module")
def content(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def libraries(content: Path) -> list[Path]:
    found = [path for path in content.rglob("*") if ".so" in path.suffixes]
    assert len(found) > 5
    return found


def dynamic(library: Path, what: str) -> list[str]:
    """The entries of that kind in a library's dynamic section."""
    if not shutil.which("readelf"):
        pytest.skip("readelf is not installed (Debian: apt install binutils)")
    text = subprocess.run(["readelf", "-dW", str(library)], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(rf"\({what}\).*\[(.*)\]", text)


def test_size(wheel: Path) -> None:
    assert wheel.stat().st_size < 25e6


def test_every_cpu_variant(content: Path) -> None:
    source = vendor.obtain(ROOT) / "ggml" / "src" / "CMakeLists.txt"
    of_x86 = re.search(r'STREQUAL "x86"\)\s+ggml_add_cpu.*?elseif', source.read_text("utf-8"), re.DOTALL)
    assert of_x86
    wanted = set(re.findall(r"ggml_add_cpu_backend_variant\((\w+)", of_x86[0]))
    modules = (content / "llamacffi" / "lib").glob("libggml-cpu-*.so")
    assert {path.stem.rpartition("-")[2] for path in modules} == wanted
    assert {"x64", "haswell", "sapphirerapids"} < wanted


def test_no_path_of_the_build_machine(content: Path) -> None:
    root = bytes(ROOT)
    folders = re.compile(rb"(?:/tmp|/home|/root|/build|/usr/lib/gcc|%b)/[\w./-]*" % re.escape(root))
    found = {path.name: set(folders.findall(path.read_bytes())) for path in libraries(content)}
    assert {name: paths for name, paths in found.items() if paths} == {}
    text = [path for path in content.rglob("*") if path.is_file() and root in path.read_bytes()]
    assert text == []


def test_assertions_name_llama_cpp_s_files(content: Path) -> None:
    """What the guards read from the message of a failed assertion."""
    code = (content / "llamacffi" / "lib" / "libggml-cpu-x64.so").read_bytes()
    assert re.search(rb"llama\.cpp/ggml/src/ggml-cpu/ops\.cpp\0", code)


def test_libraries_are_the_wheel_s_or_the_system_s(content: Path) -> None:
    own = {path.name for path in libraries(content)}
    for path in libraries(content):
        for name in dynamic(path, "NEEDED"):
            assert name in own or OF_THE_SYSTEM.fullmatch(name), f"{path.name} needs {name}"
        for entry in dynamic(path, "RUNPATH") + dynamic(path, "RPATH"):
            folders = [folder.replace("$ORIGIN", str(path.parent)) for folder in entry.split(":")]
            assert all(Path(folder).resolve().is_relative_to(content) for folder in folders), f"{path.name}: {entry}"


def test_one_libgomp_with_its_licence(content: Path) -> None:
    needed = {name for path in libraries(content) for name in dynamic(path, "NEEDED") if "gomp" in name}
    (copy,) = (content / "llamacffi" / "lib").glob("*.so.*")
    assert needed == {copy.name}
    licences = {path.name for path in (content / "llamacffi" / "licenses").iterdir()}
    assert {"libgomp-copyright", "libgomp-GPL-3", "llama.cpp-LICENSE"} <= licences
