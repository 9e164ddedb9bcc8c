"""How big the wheels are, and the time from `pip install` of one in a new environment to the first token."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import table, verdict

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import demo_model  # noqa: E402

ROUNDS = 3
SIZE_BAR, TIME_BAR = 25.0, 10.0


def rounds(wheel: Path, model: str) -> tuple[float, float]:
    """Seconds of the best round: to install, and from there to the first byte of text."""
    return min((one_round(wheel, model) for _ in range(ROUNDS)), key=sum)


def one_round(wheel: Path, model: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python"))
        install = [python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-cache-dir", str(wheel)]
        generate = [python, "-m", "llamacffi", "generate", "-m", model, "-p", "The capital of France is", "-n", "1"]
        start = time.perf_counter()
        subprocess.run(install, check=True)
        installed = time.perf_counter()
        with subprocess.Popen(generate, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout
            first = process.stdout.read(1)
            came = time.perf_counter()
            process.stdout.read()
        if not first or process.returncode:
            raise SystemExit(f"{wheel.name} does not generate (status {process.returncode})")
    return installed - start, came - installed


def main() -> None:
    kind = "-pp" if sys.implementation.name == "pypy" else "-abi3-"
    wheels = [path for path in (ROOT / "dist").glob("llamacffi-*.whl") if kind in path.name]
    if not wheels:
        print("there is no wheel: make wheel")
        return
    (wheel,) = wheels
    size = wheel.stat().st_size / 1e6
    install, token = rounds(wheel, str(demo_model.obtain()))
    row = [wheel.name, f"{size:.1f}", f"{install:.1f}", f"{token:.1f}"]
    print(table(["wheel", "MB", "s to install", "s to first token"], [row]))
    print(verdict("MB", size, SIZE_BAR, at_most=True))
    print(verdict("s from wheel to first token", install + token, TIME_BAR, at_most=True))


if __name__ == "__main__":
    main()
