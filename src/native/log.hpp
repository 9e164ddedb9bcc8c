// llama.cpp's log on its way to Python's `logging`.
#pragma once
#include "ggml.h"

namespace llamacffi {

// One of the places where llama.cpp keeps a log callback.
struct LogChannel {
    const char * name;
    ggml_log_callback user;  // NULL: to Python
    void * user_data;
};
extern LogChannel llama_channel, ggml_channel, mtmd_channel, mtmd_helper_channel;

// A user sets a log callback: it gets what we are told. We stay in between, to have the reason of a failure.
void replace_log(LogChannel & channel, ggml_log_callback & callback, void *& user_data);

// A user asks for the log callback: what he set, if we are in between.
void show_log(ggml_log_callback * callback, void ** user_data);

// quantize.cpp: told of each text. Whether it only complains of having been stopped; throws what stops.
bool stops_quantizing(const char * text);

}  // namespace llamacffi
