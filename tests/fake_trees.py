"""Made-up llama.cpp trees, one the successor of the other, and carriers of them."""

from __future__ import annotations

from pathlib import Path

from fake_index import Project, sha256

OLD = """
#define LLAMA_SIZE 1
#define LLAMA_OLD "text"
struct llama_model;
struct llama_gone { int a; };
struct llama_params { int n; bool use_it; float same; struct { int a; } in; };
struct llama_order { int a; int b; };
enum llama_kind { LLAMA_KIND_A, LLAMA_KIND_B, LLAMA_KIND_OLD };
typedef int llama_number;
typedef void (*llama_callback)(int what);
int llama_same(int a);
int llama_parameter(int a);
int llama_type(const struct llama_model * model, int a);
void llama_apply_adapters(struct llama_model * model);
void llama_nothing_like_it(void);
__attribute__((deprecated)) void llama_forgiven(void);
void llama_old(void);
void ggml_moves(void);
void llama_undefined(void);
"""
NEW = """
#define LLAMA_SIZE 2
#define LLAMA_NEW 0.5
struct llama_model;
struct llama_came { int a; char b[4]; };
struct llama_params { long n; int more; float same; struct { int a; int b; } in; };
struct llama_order { int b; int a; };
enum llama_kind { LLAMA_KIND_A, LLAMA_KIND_NEW, LLAMA_KIND_B };
enum llama_mode { LLAMA_MODE_A = 7 };
typedef long llama_number;
typedef void (*llama_callback)(int what);
int llama_same(int a);
int llama_parameter(int b);
int llama_type(const struct llama_model * model, long a);
void llama_set_adapters(struct llama_model * model);
void llama_forgiven(void);
__attribute__((deprecated)) void llama_old(void);
struct llama_came * llama_came_new(const char * path, const float * data, size_t n_data);
void llama_undefined(void);
"""


def tree(folder: Path, header: str, ggml: str = "") -> Path:
    """A llama.cpp tree of these headers; all that they declare is defined, but `llama_undefined`."""
    text = f"#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n{header}"
    files = {"include/llama.h": text, "ggml/include/ggml.h": ggml, "src/llama.cpp": definitions(header + ggml)}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def definitions(headers: str) -> str:
    lines = [line for line in headers.splitlines() if line.endswith(");") and "typedef" not in line]
    return "\n".join(f"{line[:-1]} {{}}" for line in lines if "llama_undefined" not in line)


def publish(project: Project, version: str, header: str) -> Path:
    """Put a carrier of such a tree into the index, and pin it."""
    folder = tree(project.temp.parent / f"tree-{version}", header)
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    archive = project.publish_sdist(version, {f"vendor/llama.cpp/{name}": text for name, text in files.items()})
    pin = f"# the pin\nfake-carrier=={version} --hash=sha256:{sha256(archive)}\n"
    (project.root / "vendor" / "requirements.txt").write_text(pin, encoding="utf-8")
    return archive
