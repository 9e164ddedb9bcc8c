// What the policy's checks are made of, by topic.
#pragma once
#if __has_include("ggml.hpp")
#include "ggml.hpp"
#endif
#if __has_include("backend.hpp")
#include "backend.hpp"
#endif
#if __has_include("gguf.hpp")
#include "gguf.hpp"
#endif
#if __has_include("gguf_file.hpp")
#include "gguf_file.hpp"
#endif
#if __has_include("llama.hpp")
#include "llama.hpp"
#endif
#if __has_include("context.hpp")
#include "context.hpp"
#endif
#if __has_include("mtmd.hpp")
#include "mtmd.hpp"
#endif
#if __has_include("../callbacks.hpp")
#include "../callbacks.hpp"
#endif
