"""Build the documentation into build/docs/html: `make docs`. It needs no network.

    python tools/docs_site

What is in docs/ is gathered with the generated reference in build/docs/source (stage.py), Sphinx makes static HTML of
it, with a search that needs no server (conf.py), and that is looked through for broken links (check.py). Whatever is
found wrong is an error.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import check
from stage import Stage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import vendor
from pinned import ROOT, VendorError


def main() -> int:
    out = ROOT / "build" / "docs"
    source, html = out / "source", out / "html"
    shutil.rmtree(out, ignore_errors=True)
    try:
        llama_cpp, _ = vendor.choose(ROOT)
    except VendorError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    Stage(ROOT, source).fill()
    generator = [sys.executable, str(ROOT / "tools" / "header_gen"), "--source", str(llama_cpp)]
    pages = ["--out", str(out / "generated"), "--pages", str(source / "c")]
    subprocess.run([*generator, *pages], check=True, stdout=subprocess.DEVNULL)
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-n", "-W", "--keep-going", "-j", "auto"]
    folders = ["-c", str(Path(__file__).parent), "-d", str(out / "doctrees"), str(source), str(html)]
    status = subprocess.run([*sphinx, *folders]).returncode
    problems = check.problems(html)
    print("".join(f"docs: {problem}\n" for problem in problems), end="", file=sys.stderr)
    if status or problems:
        return 1
    print(html / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
