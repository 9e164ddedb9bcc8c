// What the policy's checks are made of, by topic.
#pragma once
// Each may use those above it.
#include "ggml.hpp"
#include "backend.hpp"
#include "gguf.hpp"
#include "gguf_file.hpp"
#include "llama.hpp"
#include "context.hpp"
#ifndef LLAMACFFI_NO_MTMD
#include "mtmd.hpp"
#endif
#include "../callbacks.hpp"
