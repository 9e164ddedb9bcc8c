// Compiled into libllama, with its internal headers.
#include "internal_backend.h"

#include "ggml-backend-impl.h"
#include "ggml-impl.h"

static const ggml_backend_buffer * buffer_of(const ggml_tensor * tensor) {
    return tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
}

bool llamacffi_can_get(const struct ggml_tensor * tensor) {
    const ggml_backend_buffer * buffer = buffer_of(tensor);
    return buffer && buffer->iface.get_tensor;
}

// ggml_backend_cpu_repack_buffer_set_tensor and its like take `extra` for granted.
bool llamacffi_can_set(const struct ggml_tensor * tensor) {
    const ggml_backend_buffer * buffer = buffer_of(tensor);
    return buffer && buffer->iface.set_tensor && (buffer->iface.get_tensor || tensor->extra);
}

bool llamacffi_can_map(const struct ggml_backend_device * device) {
    return device->iface.buffer_from_host_ptr != nullptr;
}

bool llamacffi_copies(const struct ggml_backend * backend) {
    return backend->iface.set_tensor_async || backend->iface.get_tensor_async;
}

int llamacffi_n_leafs(const struct ggml_cgraph * graph) { return graph->n_leafs; }

struct ggml_tensor * llamacffi_leaf(const struct ggml_cgraph * graph, int i) { return graph->leafs[i]; }
