// Model files from which loading would end the process: what llama.cpp divides by, or takes for granted, unseen.
#pragma once
#include <algorithm>
#include <bitset>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "gguf.hpp"
#include "llama.hpp"

namespace llamacffi {

// What is asked of a model's metadata.
struct ModelFacts {
    std::string architecture, tokenizer;
    std::map<std::string, int64_t> numbers;  // by key; of a list, the least one
    bool has_tokens = false;
    uint64_t n_tokens = 0;
    std::bitset<256> begun, whole;  // bytes that tokens begin with, and that are tokens

    void add_token(const char * text, size_t length) {
        n_tokens++;
        // RWKV's tokens have escapes for bytes (llama_unescape_rwkv_token).
        const auto hex = [](unsigned char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
        size_t used = 1;
        unsigned char first = length ? text[0] : 0;
        if (first == '\\' && length > 1) {
            used = 2;
            first = text[1] == 't' ? '\t' : text[1] == 'n' ? '\n' : text[1] == 'r' ? '\r' : text[1];
            if (text[1] == 'x' && length > 3) {
                used = 4;
                first = (unsigned char) (hex(text[2]) << 4 | (hex(text[3]) & 15));
            }
        }
        if (!length) return;
        begun.set(first);
        if (length == used) whole.set(first);
    }
};

// Goes through a file's metadata. gguf_init_from_file takes ten times as long, with every token an object.
class MetadataReader {
  public:
    explicit MetadataReader(FILE * file) : file_(file), buffer_(1 << 20) {}

    // Whether it is well-formed; what is not, llama.cpp refuses.
    bool read(ModelFacts & facts) {
        char magic[4];
        uint32_t version;
        uint64_t n_tensors, n_keys;
        if (!take(magic, 4) || std::memcmp(magic, "GGUF", 4) || !take(version) || version < 2 || version > 3) return false;
        if (!take(n_tensors) || !take(n_keys)) return false;
        for (uint64_t i = 0; i < n_keys; i++) {
            std::string key;
            uint32_t type;
            if (!take(key) || !take(type) || !read_value(facts, key, type)) return false;
        }
        return true;
    }

  private:
    bool take(void * to, size_t size) {
        while (size) {
            if (begin_ == end_) {
                begin_ = 0;
                end_ = std::fread(buffer_.data(), 1, buffer_.size(), file_);
                if (!end_) return false;
            }
            const size_t part = std::min(size, end_ - begin_);
            if (to) {
                std::memcpy(to, buffer_.data() + begin_, part);
                to = (char *) to + part;
            }
            begin_ += part;
            size -= part;
        }
        return true;
    }
    template <class T> bool take(T & to) { return take(&to, sizeof to); }
    bool take(std::string & to) {
        uint64_t length;
        if (!take(length) || length > 1 << 20) return false;
        to.resize((size_t) length);
        return take(&to[0], to.size());
    }

    bool take_number(uint32_t type, int64_t & number) {
        unsigned char bytes[8] = {};
        if (!take(bytes, gguf_size_of((gguf_type) type))) return false;
        std::memcpy(&number, bytes, 8);
        if (type == GGUF_TYPE_INT8) number = (int8_t) number;
        if (type == GGUF_TYPE_INT16) number = (int16_t) number;
        if (type == GGUF_TYPE_INT32) number = (int32_t) number;
        return true;
    }

    bool read_value(ModelFacts & facts, const std::string & key, uint32_t type) {
        uint64_t n = 1;
        const bool is_list = type == GGUF_TYPE_ARRAY;
        if (is_list && (!take(type) || !take(n))) return false;
        if (type == GGUF_TYPE_STRING) {
            const bool are_tokens = is_list && key == "tokenizer.ggml.tokens";
            facts.has_tokens = facts.has_tokens || are_tokens;
            for (uint64_t i = 0; i < n; i++) {
                uint64_t length;
                if (!take(length)) return false;
                if (is_list && !are_tokens) {
                    if (!take(nullptr, length)) return false;
                    continue;
                }
                text_.resize((size_t) std::min<uint64_t>(length, 4096));
                if (!take(&text_[0], text_.size()) || !take(nullptr, length - text_.size())) return false;
                if (are_tokens) facts.add_token(text_.data(), text_.size());
                else if (key == "general.architecture") facts.architecture = text_;
                else if (key == "tokenizer.ggml.model") facts.tokenizer = text_;
            }
            return true;
        }
        const size_t size = gguf_size_of((gguf_type) type);
        if (!size) return false;
        if (type == GGUF_TYPE_FLOAT32 || type == GGUF_TYPE_FLOAT64 || n > 4096) {
            return n <= UINT64_MAX / size && take(nullptr, n * size);
        }
        for (uint64_t i = 0; i < n; i++) {
            int64_t number;
            if (!take_number(type, number)) return false;
            const auto found = facts.numbers.emplace(key, number).first;
            found->second = std::min(found->second, number);
        }
        return true;
    }

    FILE * file_;
    std::vector<char> buffer_;
    size_t begin_ = 0, end_ = 0;
    std::string text_;
};

// Hyperparameters that must be positive, by architecture.
struct Positive {
    const char * architectures;
    const char * key;
    bool required;  // otherwise llama.cpp has a good value where there is none
};
inline const Positive positive[] = {
    {" qwen3next qwen35 qwen35moe qwen4exp minimax-01 ", "full_attention_interval", false},
    {" ernie4_5-moe ", "interleave_moe_layer_step", false},
    {" grovemoe ", "experts_per_group", false},
    {" deepseek4 dflash ", "attention.output_group_count", false},
    {" rwkv6 rwkv6qwen2 rwkv7 arwkv7 ", "wkv.head_size", false},
    {" afmoe ", "attention.sliding_window", true},
    {" olmo2 phimoe ", "attention.head_count", true},
};

// What is wrong with a model; "" if nothing is that would do harm.
inline std::string problem_of(const ModelFacts & facts, bool vocab_only) {
    // llm_tokenizer_rwkv_session::tokenize starts anew where no token fits, llama_vocab::impl::tokenize divides.
    if (facts.tokenizer == "rwkv" && (facts.begun & ~facts.whole).any()) return "has tokens whose first byte is not a token";
    if (facts.has_tokens && !facts.n_tokens) return "has no tokens";
    if (vocab_only) return "";
    const std::string name = " " + facts.architecture + " ";
    for (const Positive & each : positive) {
        if (!std::strstr(each.architectures, name.c_str())) continue;
        const auto found = facts.numbers.find(facts.architecture + "." + each.key);
        if (found == facts.numbers.end() ? each.required : found->second <= 0) {
            return "has no " + std::string(each.key) + ", or one that is not positive";
        }
    }
    return "";
}

inline bool is_sound(const char * argument, ModelFacts & facts, const llama_model_params & params) {
    for (const llama_model_kv_override * overrides = params.kv_overrides; overrides && overrides->key[0]; overrides++) {
        if (overrides->tag == LLAMA_KV_OVERRIDE_TYPE_INT) facts.numbers[overrides->key] = overrides->val_i64;
    }
    const std::string problem = problem_of(facts, params.vocab_only);
    if (!problem.empty()) current().call()->fail(LLAMACFFI_ERROR_ARGUMENT, argument, "the model is damaged: it " + problem);
    return problem.empty();
}

inline bool is_sound_file(const char * argument, FILE * file, const llama_model_params & params) {
    ModelFacts facts;
    return !MetadataReader(file).read(facts) || is_sound(argument, facts, params);
}

inline bool is_sound_model(const char * argument, const char * path, const llama_model_params & params = {}) {
    FILE * file = path ? ggml_fopen(path, "rb") : nullptr;
    if (!file) return true;
    const bool sound = is_sound_file(argument, file, params);
    std::fclose(file);
    return sound;
}

// A file that is open already, at its metadata.
inline bool is_sound_model(const char * argument, FILE * file, const llama_model_params & params) {
    const long at = std::ftell(file);
    if (at < 0) return true;
    const bool sound = is_sound_file(argument, file, params);
    std::fseek(file, at, SEEK_SET);
    return sound;
}

// A model that is made from metadata in memory.
inline bool is_sound_model(const char * argument, const gguf_context * metadata, const llama_model_params & params) {
    ModelFacts facts;
    for (int64_t id = 0; id < gguf_get_n_kv(metadata); id++) {
        const std::string key = gguf_get_key(metadata, id);
        const bool is_list = gguf_get_kv_type(metadata, id) == GGUF_TYPE_ARRAY;
        const gguf_type type = is_list ? gguf_get_arr_type(metadata, id) : gguf_get_kv_type(metadata, id);
        const size_t n = is_list ? gguf_get_arr_n(metadata, id) : 1;
        if (type == GGUF_TYPE_STRING) {
            if (key == "tokenizer.ggml.tokens" && is_list) {
                facts.has_tokens = true;
                for (size_t i = 0; i < n; i++) {
                    const char * text = gguf_get_arr_str(metadata, id, i);
                    facts.add_token(text, std::strlen(text));
                }
            } else if (!is_list) {
                if (key == "general.architecture") facts.architecture = gguf_get_val_str(metadata, id);
                if (key == "tokenizer.ggml.model") facts.tokenizer = gguf_get_val_str(metadata, id);
            }
            continue;
        }
        for (size_t i = 0; i < n && n <= 4096; i++) {
            const char * data = (const char *) gguf_get_arr_data(metadata, id);
            int64_t number;
            switch (type) {
                case GGUF_TYPE_UINT8: case GGUF_TYPE_BOOL: number = ((const uint8_t *) data)[i]; break;
                case GGUF_TYPE_INT8: number = ((const int8_t *) data)[i]; break;
                case GGUF_TYPE_UINT16: number = ((const uint16_t *) data)[i]; break;
                case GGUF_TYPE_INT16: number = ((const int16_t *) data)[i]; break;
                case GGUF_TYPE_UINT32: number = ((const uint32_t *) data)[i]; break;
                case GGUF_TYPE_INT32: number = ((const int32_t *) data)[i]; break;
                case GGUF_TYPE_UINT64: case GGUF_TYPE_INT64: number = ((const int64_t *) data)[i]; break;
                default: continue;
            }
            const auto found = facts.numbers.emplace(key, number).first;
            found->second = std::min(found->second, number);
        }
    }
    return is_sound(argument, facts, params);
}

// Tensors that clip.cpp does not ask for, and uses unseen, by the kind of projector.
struct Needed {
    const char * projectors;
    const char * tensor;
};
inline const Needed needed[] = {
    {" mlp ", "v.patch_embd.weight"},
    {" mlp ", "v.position_embd.weight"},
    {" mlp ", "mm.0.weight"},
    {" mlp ", "mm.0.bias"},
    {" ultravox qwen2a voxtral glma meralion musicflamingo ", "a.position_embd.weight"},
};

// The name of a tensor that a multimodal projector lacks; "" if none is known to.
inline std::string missing_tensor(const gguf_context * file) {
    const auto has = [file](const std::string & name) { return gguf_find_tensor(file, name.c_str()) >= 0; };
    for (const char * key : {"clip.projector_type", "clip.vision.projector_type", "clip.audio.projector_type"}) {
        const int64_t id = gguf_find_key(file, key);
        if (id < 0 || gguf_get_kv_type(file, id) != GGUF_TYPE_STRING) continue;
        const std::string projector = std::string(" ") + gguf_get_val_str(file, id) + " ";
        for (const Needed & each : needed)
            if (std::strstr(each.projectors, projector.c_str()) && !has(each.tensor)) return each.tensor;
        if (projector == " mlp " && !has("mm.2.weight") && !has("mm.3.weight")) return "mm.2.weight";
        if (projector == " mlp " && has("mm.3.weight") && !has("mm.3.bias")) return "mm.3.bias";
    }
    // Layers have their attention's weights in one tensor or in three.
    for (int64_t id = 0; id < gguf_get_n_tensors(file); id++) {
        const std::string name = gguf_get_tensor_name(file, id), end = ".attn_out.weight";
        if (name.size() < end.size() || name.compare(name.size() - end.size(), end.size(), end)) continue;
        const std::string layer = name.substr(0, name.size() - end.size());
        if ((layer.compare(0, 6, "v.blk.") && layer.compare(0, 6, "a.blk.")) || has(layer + ".attn_qkv.weight")) continue;
        for (const char * part : {".attn_q.weight", ".attn_k.weight", ".attn_v.weight"})
            if (!has(layer + part)) return layer + part;
    }
    return "";
}

inline bool is_sound_projector(const char * argument, const char * path) {
    gguf_context * file = gguf_init_from_file(path, {true, nullptr});
    if (!file) return true;
    const std::string missing = missing_tensor(file);
    gguf_free(file);
    if (!missing.empty()) current().call()->fail(LLAMACFFI_ERROR_ARGUMENT, argument, "the projector is damaged: it has no " + missing);
    return missing.empty();
}

// An adapter's weights are multiplied with whatever they are made of (llm_graph_context::build_lora_mm).
inline bool is_sound_adapter_file(const char * argument, gguf_context * file) {
    if (!file) return true;
    std::string problem;
    for (int64_t id = 0; id < gguf_get_n_tensors(file) && problem.empty(); id++) {
        const ggml_type type = gguf_get_tensor_type(file, id);
        if (!is_weight_type(type)) problem = std::string(gguf_get_tensor_name(file, id)) + " is made of " + ggml_type_name(type);
    }
    gguf_free(file);
    if (!problem.empty()) current().call()->fail(LLAMACFFI_ERROR_ARGUMENT, argument, "the adapter is damaged: its " + problem);
    return problem.empty();
}
inline bool is_sound_adapter(const char * argument, const char * path) {
    return is_sound_adapter_file(argument, gguf_init_from_file(path, {true, nullptr}));
}
inline bool is_sound_open_adapter(const char * argument, FILE * file) {
    const long at = std::ftell(file);
    if (at < 0) return true;
    const bool sound = is_sound_adapter_file(argument, gguf_init_from_file_ptr(file, {true, nullptr}));
    std::fseek(file, at, SEEK_SET);
    return sound;
}

}  // namespace llamacffi
