import os
import sys
from pathlib import Path

if sys.platform != "linux":
    raise SystemExit("llamacffi-cuda13 is for Linux; elsewhere: CMAKE_ARGS=-DGGML_CUDA=ON pip install llamacffi")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import addon
import cuda_toolkit
from pinned import ROOT


def options(source: Path) -> dict[str, str]:
    os.environ.setdefault("CCACHE_COMPILERCHECK", "content")  # pip unpacks another nvcc for each build
    # Several GPUs work without NCCL, which is another 200 MB.
    return {**cuda_toolkit.make(source, ROOT / "build" / "cuda-toolkit", major=13), "GGML_CUDA_NCCL": "OFF"}


addon.setup(
    "cuda",
    "llamacffi_cuda13",
    options,
    neighbours=["../../nvidia/cu13/lib"],
    libraries={
        "libcudart.so.13": "nvidia-cuda-runtime",
        "libcublasLt.so.13": "nvidia-cublas",
        "libcublas.so.13": "nvidia-cublas",
    },
)
