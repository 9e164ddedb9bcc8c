// Compiled into libllama, with its internal headers.
#include "can_save.h"
#include "internal_llama.h"

#include "ggml-backend-impl.h"
#include "llama-model.h"

#include <algorithm>
#include <cstring>
#include <limits>

int32_t llamacffi_n_positions(const struct llama_model * model) {
    return model->pos_embd ? (int32_t) model->pos_embd->ne[1] : std::numeric_limits<int32_t>::max();
}

bool llamacffi_can_train(const struct llama_model * model) {
    return std::none_of(model->tensors_by_name.begin(), model->tensors_by_name.end(), [](const auto & entry) {
        const struct ggml_tensor * tensor = entry.second;
        return tensor->type == GGML_TYPE_F32 && tensor->buffer &&
            std::strstr(ggml_backend_buffer_name(tensor->buffer), "_Mapped");
    });
}

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
