// Files that would end the process when a model is loaded from them.
#pragma once
#include "gguf.h"

namespace llamacffi {

inline const char * mmproj_problem(const char * path) { (void) path; return nullptr; }

}  // namespace llamacffi
