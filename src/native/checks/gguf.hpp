// What gguf.cpp takes for granted.
#pragma once
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>

#include "guard.hpp"

namespace llamacffi {

// The size of one value, 0 for strings and arrays: gguf_set_arr_data divides by it.
inline size_t gguf_size_of(gguf_type type) {
    switch (type) {
        case GGUF_TYPE_UINT8: case GGUF_TYPE_INT8: case GGUF_TYPE_BOOL: return 1;
        case GGUF_TYPE_UINT16: case GGUF_TYPE_INT16: return 2;
        case GGUF_TYPE_UINT32: case GGUF_TYPE_INT32: case GGUF_TYPE_FLOAT32: return 4;
        case GGUF_TYPE_UINT64: case GGUF_TYPE_INT64: case GGUF_TYPE_FLOAT64: return 8;
        default: return 0;
    }
}

// Strings, one or many: gguf_get_arr_str takes either.
inline bool gguf_strings_of(const gguf_context * ctx, int64_t id) {
    const gguf_type type = gguf_get_kv_type(ctx, id);
    return type == GGUF_TYPE_STRING || (type == GGUF_TYPE_ARRAY && gguf_get_arr_type(ctx, id) == GGUF_TYPE_STRING);
}

inline bool gguf_all_strings(const char * const * data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!data[i]) return false;
    }
    return true;
}

// gguf_set_* removes the key, and with it its value, before it reads the arguments; the keys behind it move up.
inline bool gguf_is_own_key(const gguf_context * ctx, const char * key) {
    const int64_t id = gguf_find_key(ctx, key);
    return id >= 0 && gguf_get_key(ctx, id) == key;
}

inline bool gguf_is_own_text(const gguf_context * ctx, const char * key, const char * text) {
    const int64_t id = gguf_find_key(ctx, key);
    if (id < 0) return false;
    for (int64_t i = id; i < gguf_get_n_kv(ctx); i++) {
        if (gguf_get_key(ctx, i) == text) return true;
    }
    if (!gguf_strings_of(ctx, id)) return false;
    for (size_t i = 0; i < gguf_get_arr_n(ctx, id); i++) {
        if (gguf_get_arr_str(ctx, id, i) == text) return true;
    }
    return false;
}

inline bool gguf_is_own_data(const gguf_context * ctx, const char * key, const void * data) {
    const int64_t id = gguf_find_key(ctx, key);
    if (id < 0 || gguf_strings_of(ctx, id)) return false;
    const gguf_type kv_type = gguf_get_kv_type(ctx, id);
    const size_t size = gguf_get_arr_n(ctx, id) * gguf_size_of(kv_type == GGUF_TYPE_ARRAY ? gguf_get_arr_type(ctx, id) : kv_type);
    const char * begin = (const char *) gguf_get_arr_data(ctx, id);
    return data >= begin && data < begin + size;
}

inline bool gguf_is_own_strings(const gguf_context * ctx, const char * key, const char * const * data, size_t n) {
    const int64_t id = gguf_find_key(ctx, key);
    if (id < 0 || !gguf_strings_of(ctx, id)) return false;
    std::unordered_set<const char *> own;
    for (size_t i = 0; i < gguf_get_arr_n(ctx, id); i++) own.insert(gguf_get_arr_str(ctx, id, i));
    for (size_t i = 0; i < n; i++) {
        if (own.count(data[i])) return true;
    }
    return false;
}

inline bool gguf_fits_rows(const gguf_context * ctx, const char * name, ggml_type type) {
    const int64_t id = gguf_find_tensor(ctx, name);
    return id < 0 || gguf_get_tensor_ne(ctx, id)[0] % ggml_blck_size(type) == 0;
}

// Where the data of added tensors is. A gguf_context keeps that to itself, reads it when it writes a file, and has
// nothing but rubbish there for tensors that it read from a file (gguf_init_from_reader).
struct GgufTensor {
    const void * data;
    const ggml_backend_buffer * buffer;
    const ggml_tensor * view_of;
    bool contiguous;
};
struct GgufTensors {
    std::mutex mutex;
    std::map<const gguf_context *, std::map<std::string, GgufTensor>> of;
};
inline GgufTensors & gguf_tensors() {
    static GgufTensors * tensors = new GgufTensors;  // never destroyed: threads may outlive the statics
    return *tensors;
}

inline void gguf_note_tensor(const gguf_context * ctx, const ggml_tensor * tensor) {
    std::lock_guard<std::mutex> lock(gguf_tensors().mutex);
    gguf_tensors().of[ctx][tensor->name] = {tensor->data, tensor->buffer, tensor->view_src, ggml_is_contiguous(tensor)};
}

template <class Change> void gguf_change(const gguf_context * ctx, const char * name, Change change) {
    std::lock_guard<std::mutex> lock(gguf_tensors().mutex);
    auto of_ctx = gguf_tensors().of.find(ctx);
    if (of_ctx == gguf_tensors().of.end()) return;
    auto tensor = of_ctx->second.find(name);
    if (tensor != of_ctx->second.end()) change(tensor->second);
}
inline void gguf_note_type(const gguf_context * ctx, const char * name) {
    gguf_change(ctx, name, [](GgufTensor & tensor) { tensor.contiguous = true; });
}
inline void gguf_note_data(const gguf_context * ctx, const char * name, const void * data) {
    gguf_change(ctx, name, [data](GgufTensor & tensor) { tensor.data = data; });
}

inline void gguf_forget(const gguf_context * ctx) {
    std::lock_guard<std::mutex> lock(gguf_tensors().mutex);
    gguf_tensors().of.erase(ctx);
}

inline bool gguf_all_added(const gguf_context * ctx) {
    std::lock_guard<std::mutex> lock(gguf_tensors().mutex);
    auto of_ctx = gguf_tensors().of.find(ctx);
    return (of_ctx == gguf_tensors().of.end() ? 0 : of_ctx->second.size()) == (size_t) gguf_get_n_tensors(ctx);
}

// gguf_writer_file::write_tensor_data; a failed assertion there would leave the file open.
inline bool gguf_all_data(const gguf_context * ctx) {
    std::lock_guard<std::mutex> lock(gguf_tensors().mutex);
    for (const auto & named : gguf_tensors().of[ctx]) {
        const GgufTensor & tensor = named.second;
        if (!tensor.contiguous || !tensor.data) return false;
        if (!tensor.buffer) {
            if (!readable(tensor.data, gguf_get_tensor_size(ctx, gguf_find_tensor(ctx, named.first.c_str())))) return false;
        } else if (dead(tensor.buffer)) {
            return false;
        } else if (tensor.view_of) {
            Call * call = current().call();
            if (call && !call->check_tensor("ctx", tensor.view_of, TensorUse::data)) return false;
        }
    }
    return true;
}

}  // namespace llamacffi
