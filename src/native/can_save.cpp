// Compiled into libllama, with its internal headers: no public function leads from a model to its weights.
#include "can_save.h"

#include "ggml-backend-impl.h"
#include "llama-model.h"

bool llamacffi_can_save(const struct llama_model * model) {
    for (const auto & entry : model->tensors_by_name) {
        const struct ggml_tensor * tensor = entry.second;
        const ggml_backend_buffer_t buffer = tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
        if (buffer == nullptr || tensor->data == nullptr || buffer->iface.get_tensor == nullptr) {
            return false;
        }
    }
    return !model->tensors_by_name.empty();
}
