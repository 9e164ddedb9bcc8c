"""Build the documentation into build/docs/html: `make docs`. It needs no network.

    python tools/docs_site

What is in docs/ is gathered with the generated reference in build/docs/source (stage.py), and Sphinx makes static
HTML of it, with a search that needs no server (conf.py). Anything that Sphinx finds wrong, such as a link to nowhere,
is an error.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from stage import Stage

TOOLS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS))
import vendor
from carrier import ROOT, VendorError

OUT = ROOT / "build" / "docs"


def main() -> int:
    source, html = OUT / "source", OUT / "html"
    shutil.rmtree(OUT, ignore_errors=True)
    try:
        llama_cpp, _ = vendor.choose(ROOT)
    except VendorError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    Stage(ROOT, source).fill()
    generator = [sys.executable, str(TOOLS / "header_gen"), "--source", str(llama_cpp), "--out", str(OUT / "generated")]
    subprocess.run([*generator, "--pages", str(source / "c")], check=True, stdout=subprocess.DEVNULL)
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-j", "auto"]
    folders = ["-c", str(Path(__file__).parent), "-d", str(OUT / "doctrees"), str(source), str(html)]
    status = subprocess.run([*sphinx, *folders]).returncode
    if status == 0:
        print(html / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
