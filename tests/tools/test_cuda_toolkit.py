"""tools/cuda_toolkit.py: NVIDIA's packages arranged as a toolkit."""

from __future__ import annotations

import ctypes
import shutil
import sys
from pathlib import Path

import pytest

import cuda_toolkit
from native_build import BuildError

pytestmark = pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="makes links, runs cc")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """As much of llama.cpp as calls the driver."""
    folder = tmp_path / "source" / "ggml" / "src" / "ggml-cuda"
    folder.mkdir(parents=True)
    folder.joinpath("pool.cu").write_text("CU_CHECK(cuMemCreate(&handle)); cublasCreate(&h); cudaMalloc(&p);\n")
    folder.joinpath("common.cuh").write_text("cuDeviceGet (&device, 0);\n")
    return tmp_path / "source"


def packages(folder: Path) -> Path:
    """The files of NVIDIA's packages that matter here, in their places."""
    for name in ("bin/nvcc", "bin/crt/link.stub", "include/cuda.h", "lib/libcudart.so.13", "nvvm/bin/cicc"):
        path = folder / "nvidia" / "cu13" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def test_the_tree(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(packages(tmp_path / "site"))  # pyright: ignore[reportUnknownMemberType]
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    toolkit = tmp_path / "toolkit"
    cuda_toolkit.make(source, toolkit, major=13)
    found = cuda_toolkit.make(source, toolkit, major=13)  # which replaces the first
    assert found == {"CMAKE_CUDA_COMPILER": str(toolkit / "bin" / "nvcc"), "CUDAToolkit_ROOT": str(toolkit)}
    for name in ("bin/nvcc", "bin/crt/link.stub", "include/cuda.h", "nvvm/bin/cicc"):
        assert (toolkit / name).read_text() == name
        assert not (toolkit / name).parent.is_symlink()
    assert (toolkit / "lib64" / "libcudart.so").read_text() == "lib/libcudart.so.13"


def test_the_drivers_stub_has_what_the_source_calls(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(packages(tmp_path / "site"))  # pyright: ignore[reportUnknownMemberType]
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    cuda_toolkit.make(source, tmp_path / "toolkit", major=13)
    library = tmp_path / "toolkit" / "lib64" / "stubs" / "libcuda.so"
    assert b"libcuda.so.1\0" in library.read_bytes()
    stub = ctypes.CDLL(str(library))
    assert hasattr(stub, "cuMemCreate")
    assert hasattr(stub, "cuDeviceGet")
    assert not hasattr(stub, "cublasCreate")


def test_packages_that_are_missing(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = packages(tmp_path / "site")
    (site / "nvidia" / "cu13" / "bin" / "nvcc").unlink()
    monkeypatch.setattr(sys, "path", [str(site)])
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    with pytest.raises(BuildError, match=r"CUDA 13 was not found.*backends/cuda/pyproject\.toml"):
        cuda_toolkit.make(source, tmp_path / "toolkit", major=13)
    assert not (tmp_path / "toolkit").exists()
