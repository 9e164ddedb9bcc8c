// Compiled into the extension in place of those of internal_*.cpp that are not in libllama, because it is the user's own,
// or of a llama.cpp whose internal headers are others: what public functions tell of the same, and otherwise the answer
// that lets a call pass.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api.h"
#include "can_save.h"
#include "internal_backend.h"
#include "internal_context.h"
#include "internal_llama.h"

#ifndef LLAMACFFI_KNOWS_backend
// Of the CPU's buffers, those that are not main memory keep weights in a layout of their own.
bool llamacffi_can_get(const struct ggml_tensor * tensor) {
    const ggml_backend_buffer_t buffer = tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
    if (!buffer || ggml_backend_buffer_is_host(buffer)) return buffer;
    const ggml_backend_dev_t device = ggml_backend_buft_get_device(ggml_backend_buffer_get_type(buffer));
    return !device || ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_CPU;
}

bool llamacffi_can_set(const struct ggml_tensor * tensor) {
    return (tensor->view_src ? tensor->view_src->buffer : tensor->buffer) && (tensor->extra || llamacffi_can_get(tensor));
}

bool llamacffi_can_map(const struct ggml_backend_device * device) {
    ggml_backend_dev_props props;
    ggml_backend_dev_get_props(const_cast<ggml_backend_device *>(device), &props);
    return props.caps.buffer_from_host_ptr;
}

int llamacffi_n_leafs(const struct ggml_cgraph *) { return 0; }
struct ggml_tensor * llamacffi_leaf(const struct ggml_cgraph *, int) { return nullptr; }
#endif

static bool is_meta(ggml_backend_dev_t device) {
#ifdef LLAMACFFI_HAS_GGML_BACKEND_DEVICE_TYPE_META
    return device && ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_META;
#else
    (void) device;
    return false;  // there are none
#endif
}
#ifndef LLAMACFFI_KNOWS_backend
bool llamacffi_copies(const struct ggml_backend * backend) {
    return is_meta(ggml_backend_get_device(const_cast<ggml_backend *>(backend)));
}
#endif
#ifndef LLAMACFFI_KNOWS_meta
bool llamacffi_is_meta(struct ggml_backend_buffer * buffer) {
    return is_meta(ggml_backend_buft_get_device(ggml_backend_buffer_get_type(buffer)));
}
#endif

#ifndef LLAMACFFI_KNOWS_graph
const struct ggml_cgraph * llamacffi_graph(const struct llama_context *) { return nullptr; }
bool llamacffi_is_on_cpu(const struct llama_context *, const struct ggml_tensor *) { return false; }
#endif
#ifndef LLAMACFFI_KNOWS_state
size_t llamacffi_state_size(const struct llama_model *) { return 0; }
#endif

#ifndef LLAMACFFI_KNOWS_weights
int32_t llamacffi_n_positions(const struct llama_model *) { return INT32_MAX; }
bool llamacffi_can_train(const struct llama_model *) { return true; }
bool llamacffi_can_save(const struct llama_model *) { return true; }
#endif

#ifndef LLAMACFFI_KNOWS_model
// Of a model that was loaded with vocab_only nothing else is read.
bool llamacffi_has_weights(const struct llama_model * model) { return llama_model_n_embd(model) > 0; }

// A number in the model's metadata, `otherwise` where there is none.
static size_t metadata(const llama_model * model, const std::string & key, size_t otherwise) {
    char text[32];
    return llama_model_meta_val_str(model, key.c_str(), text, sizeof text) > 0 ? std::strtoul(text, nullptr, 10) : otherwise;
}

// internal_model.cpp's, by what a model's file says.
size_t llamacffi_cell_size(const struct llama_model * model, enum ggml_type type_k, enum ggml_type type_v) {
    const size_t account = sizeof(llama_pos) * 5;
#if defined(LLAMACFFI_HAS_llama_model_n_head_kv) && defined(LLAMACFFI_HAS_llama_model_is_hybrid) && \
    defined(LLAMACFFI_HAS_llama_model_n_swa)
    const size_t n_head = llama_model_n_head(model), n_head_kv = llama_model_n_head_kv(model);
    char name[128];
    if (llama_model_meta_val_str(model, "general.architecture", name, sizeof name) <= 0) return account;
    const std::string prefix = std::string(name) + ".attention.";
    if (!n_head || ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU) || llama_model_is_recurrent(model) ||
        llama_model_is_hybrid(model) || llama_model_n_swa(model) > 0 || metadata(model, prefix + "kv_lora_rank", 0)) {
        return account;
    }
    const size_t length = llama_model_n_embd(model) / n_head;
    const size_t k = metadata(model, prefix + "key_length", length), v = metadata(model, prefix + "value_length", length);
    return account + llama_model_n_layer(model) * n_head_kv *
        (k * ggml_type_size(type_k) / ggml_blck_size(type_k) + v * ggml_type_size(type_v) / ggml_blck_size(type_v));
#else
    (void) model, (void) type_k, (void) type_v;
    return account;
#endif
}

#endif

#ifndef LLAMACFFI_KNOWS_adapter
const struct llama_model * llamacffi_model_of_adapter(const struct llama_adapter_lora *) { return nullptr; }
#endif

#ifndef LLAMACFFI_KNOWS_batch
bool llamacffi_positions(const struct llama_batch_ext *, llama_pos *, llama_pos *) { return false; }
#endif
