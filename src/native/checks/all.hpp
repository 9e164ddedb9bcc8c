// What the policy's checks are made of, by topic.
#pragma once
// Each may use those above it.
#include "ggml.hpp"
#include "backend.hpp"
#include "gguf.hpp"
#include "gguf_file.hpp"
#include "llama.hpp"
#include "context.hpp"
#include "mtmd.hpp"
#include "callbacks.hpp"
