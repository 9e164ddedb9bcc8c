// Files from which loading would end the process.
#pragma once
#include <cstring>
#include <memory>
#include <string>

#include "gguf.h"

namespace llamacffi {

inline const char * mmproj_problem(const char * path) { (void) path; return nullptr; }

}  // namespace llamacffi
