#include "quantize.h"

#include <cstdio>
#include <stdexcept>
#include <utility>

#include "callbacks.hpp"
#include "log.hpp"

extern "C" uint32_t llamacffi_guard_llama_model_quantize(const char * fname_inp, const char * fname_out, const llama_model_quantize_params * params);

namespace llamacffi {

// llama.cpp has no callback here, but it logs "[  12/ 272] blk.0.attn_q.weight …" before each tensor, on the thread of
// the call and with none of its own running: an exception leaves it as any error of its own does.
struct Quantizing {
    llama_progress_callback progress;
    void * user_data;
    Poll poll;
    bool stopped;
};
static thread_local Quantizing * quantizing = nullptr;

bool stops_quantizing(const char * text) {
    if (!quantizing || quantizing->stopped) return quantizing;
    int number, count;
    if (std::sscanf(text, "[%d/%d]", &number, &count) != 2 || number < 1 || number > count) return false;
    Quantizing & now = *quantizing;
    now.stopped = now.poll.must_stop() || (now.progress && !now.progress((float) (number - 1) / (float) count, now.user_data));
    if (now.stopped) throw std::runtime_error("stopped");
    return false;
}

}  // namespace llamacffi

using namespace llamacffi;

extern "C" uint32_t llamacffi_quantize(const char * fname_inp, const char * fname_out, const llama_model_quantize_params * params, llama_progress_callback progress, void * user_data) {
    struct Turn {
        Quantizing here;
        Quantizing * before = std::exchange(quantizing, &here);
        ~Turn() { quantizing = before; }
    } turn{{progress, user_data, {}, false}};
    return llamacffi_guard_llama_model_quantize(fname_inp, fname_out, params);
}
