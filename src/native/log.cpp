#include "log.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>

#include "callbacks.h"
#include "callbacks.hpp"

// logs.py
extern "C" {
int64_t llamacffi_py_log_level(void);
int64_t llamacffi_py_log_line(int level, const char * text);
}

namespace llamacffi {

LogChannel llama_channel = {"llama_log", nullptr, nullptr};
LogChannel ggml_channel = {"ggml_log", nullptr, nullptr};
LogChannel mtmd_channel = {"mtmd_log", nullptr, nullptr};
LogChannel mtmd_helper_channel = {"mtmd_helper_log", nullptr, nullptr};

// `logging`'s levels.
enum Level { debug = 10, info = 20, warning = 30, error = 40 };
static std::atomic<int> threshold{warning};

static constexpr size_t kept_of_a_call = 4096;

// What a thread has logged since the end of its latest line.
struct Line {
    int level = info;
    std::string text;
};
static thread_local Line line;
static thread_local bool delivering = false;  // a handler that logs natively does not get its own lines

static int level_of(ggml_log_level level) {
    switch (level) {
        case GGML_LOG_LEVEL_DEBUG: return debug;
        case GGML_LOG_LEVEL_WARN: return warning;
        case GGML_LOG_LEVEL_ERROR: return error;
        default: return info;
    }
}

// The reason of a failure is among these.
static void keep_for_the_call(int level, const char * text) {
    if (level < warning) return;
    Thread & thread = current();
    if (thread.call() && thread.log.size() < kept_of_a_call) thread.log.append(text, std::min(std::strlen(text), kept_of_a_call - thread.log.size()));
}

// Python is asked once a call: most lines are not wanted.
static void ask_for_level() {
    Thread & thread = current();
    if (!thread.call() || !thread.log_level_asked) {
        thread.log_level_asked = true;
        int64_t asked;
        {
            Entering entering;
            asked = llamacffi_py_log_level();
        }
        if (!has_raised(asked)) threshold = (int) asked;
    }
}

static void deliver(int level, const std::string & text) {
    if (text.empty()) return;
    delivering = true;
    int64_t returned;
    {
        Entering entering;
        returned = llamacffi_py_log_line(level, text.c_str());
    }
    delivering = false;
    has_raised(returned);
}

static void on_text(ggml_log_level level, const char * text) {
    if (level != GGML_LOG_LEVEL_CONT) {
        if (!line.text.empty()) {
            deliver(line.level, line.text);
            line.text.clear();
        }
        line.level = level_of(level);
        ask_for_level();
    }
    if (line.level < threshold) return;
    for (const char * end; (end = std::strchr(text, '\n')); text = end + 1) {
        line.text.append(text, end);
        std::string whole;
        whole.swap(line.text);
        deliver(line.level, whole);
    }
    line.text += text;
}

// What llama.cpp has in all places of its log callbacks.
static void on_log(ggml_log_level level, const char * text, void * data) {
    const LogChannel * channel = (const LogChannel *) data;
    keep_for_the_call(level == GGML_LOG_LEVEL_CONT ? line.level : level_of(level), text);
    const Call * call = current().call();
    // What is being stopped complains of it, and whoever stopped it knows.
    const Stop * stop = current().stop;
    if (python_ended || stops_quantizing(text) || (call && call->is_stopping()) || (stop && stop->has_come())) return;
    if (const ggml_log_callback user = channel->user) {
        if (level != GGML_LOG_LEVEL_CONT) line.level = level_of(level);
        user(level, text, channel->user_data);
    } else if (!delivering) {
        on_text(level, text);
    }
}

// llama.cpp's own, which it takes for NULL: all to standard error.
static void to_standard_error(ggml_log_level, const char * text, void *) {
    std::fputs(text, stderr);
    std::fflush(stderr);
}

void replace_log(LogChannel & channel, ggml_log_callback & callback, void *& user_data) {
    Held held(callback, user_data);
    channel.user = nullptr;
    channel.user_data = user_data;
    if (callback != on_log) channel.user = callback ? callback : to_standard_error;
    held.keep(nullptr, channel.name);
    callback = on_log;
    user_data = &channel;
}

void show_log(ggml_log_callback * callback, void ** user_data) {
    if (*callback != on_log) return;
    const LogChannel * channel = (const LogChannel *) *user_data;
    if (!channel->user) return;
    *callback = channel->user;
    *user_data = channel->user_data;
}

}  // namespace llamacffi

extern "C" void llamacffi_start_log(void) {
    using namespace llamacffi;
    llama_log_set(on_log, &llama_channel);
#ifdef LLAMACFFI_HAS_mtmd_helper_log_set
    mtmd_helper_log_set(on_log, &mtmd_helper_channel);
#endif
#ifdef LLAMACFFI_HAS_mtmd_log_set
    mtmd_log_set(on_log, &mtmd_channel);
#endif
}
