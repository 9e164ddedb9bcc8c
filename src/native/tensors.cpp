// Where tensors are: in the memory of the ggml contexts that live.
#include <algorithm>
#include <cstring>
#include <deque>
#include <mutex>

#include "guard.hpp"

namespace llamacffi {

struct Range {
    uintptr_t begin, end;
    const ggml_context * context;
};

std::mutex ranges_lock;
static std::vector<Range> living;
static std::deque<Range> gone;  // the latest ones
static const size_t gone_kept = 1024;
static std::atomic<uint64_t> version{1};

void tensors_made(const ggml_context * context) {
    const uintptr_t begin = (uintptr_t) ggml_get_mem_buffer(context);
    const Range range = {begin, begin + ggml_get_mem_size(context), context};
    std::lock_guard<std::mutex> lock(ranges_lock);
    living.push_back(range);
    gone.erase(std::remove_if(gone.begin(), gone.end(), [&](const Range & each) {
        return each.begin < range.end && range.begin < each.end;
    }), gone.end());
    version++;
}

void tensors_gone(const ggml_context * context) {
    std::lock_guard<std::mutex> lock(ranges_lock);
    for (auto each = living.begin(); each != living.end();) {
        if (each->context == context) {
            gone.push_back(*each);
            if (gone.size() > gone_kept) gone.pop_front();
            each = living.erase(each);
        } else {
            ++each;
        }
    }
    version++;
}

// A tensor of a context that llama.cpp made for itself: what was there before is forgotten.
void tensor_returned(const void * tensor) {
    const uintptr_t address = (uintptr_t) tensor;
    {
        std::lock_guard<std::mutex> lock(ranges_lock);
        gone.erase(std::remove_if(gone.begin(), gone.end(), [&](const Range & each) {
            return address >= each.begin && address < each.end;
        }), gone.end());
    }
    returned(tensor, KindOf<ggml_tensor>::kind);
}

enum class Place { elsewhere, living, gone };

static Place place_of(uintptr_t address, Range & range) {
    std::lock_guard<std::mutex> lock(ranges_lock);
    for (const Range & each : living) {
        if (address >= each.begin && address < each.end) {
            range = each;
            return Place::living;
        }
    }
    for (const Range & each : gone)
        if (address >= each.begin && address < each.end) return Place::gone;
    return Place::elsewhere;
}

// What ggml puts before each tensor, graph and buffer in a context's memory; the struct is not in its headers.
struct Object {
    size_t offset, size;
    Object * next;
    ggml_object_type type;
};

static bool is_object(uintptr_t tensor, uintptr_t begin, uintptr_t end) {
    static const size_t size = ggml_tensor_overhead() - sizeof(ggml_tensor);
    if (tensor < begin + size || tensor + sizeof(ggml_tensor) > end || tensor % sizeof(void *)) return false;
    const Object * object = (const Object *) (tensor - size);
    return size < sizeof(Object) || (object->offset == tensor - begin && object->type == GGML_OBJECT_TYPE_TENSOR);
}

static bool is_sane(const ggml_tensor * tensor) {
    if ((unsigned) tensor->type >= GGML_TYPE_COUNT || (unsigned) tensor->op >= GGML_OP_COUNT) return false;
    for (int64_t length : tensor->ne)
        if (length < 0) return false;
    return true;
}

bool Call::check_tensor(const char * argument, const ggml_tensor * tensor, TensorUse use) {
    Thread & thread = *thread_;
    const uintptr_t address = (uintptr_t) tensor;
    if (address < thread.tensors_begin || address >= thread.tensors_end || thread.tensors_version != version.load(std::memory_order_acquire)) {
        const uint64_t now = version.load(std::memory_order_acquire);
        Range range;
        Place place = place_of(address, range);
        // A callback's tensors come from contexts that llama.cpp made for itself, maybe where a freed one was.
        if (place == Place::gone && outer_) place = Place::elsewhere;
        if (place == Place::elsewhere && !outer_ && dead(tensor)) {
            fail(LLAMACFFI_ERROR_FREED, argument, "what this ggml_tensor was a part of was freed");
            return false;
        }
        if (place == Place::gone) {
            fail(LLAMACFFI_ERROR_FREED, argument, "the ggml_context of this tensor was freed");
            return false;
        }
        if (place == Place::elsewhere) {
            if (address % alignof(ggml_tensor) || !is_mapped(tensor, sizeof *tensor) || !is_sane(tensor)) {
                fail(LLAMACFFI_ERROR_FREED, argument, "not a living ggml_tensor");
                return false;
            }
            // One of Python's own could be collected while it is kept.
            if (use == TensorUse::build && !outer_) {
                fail(LLAMACFFI_ERROR_ARGUMENT, argument, "not a tensor of a ggml_context that llamacffi knows");
                return false;
            }
            thread.tensors_begin = thread.tensors_end = 0;
        } else {
            thread.tensors_begin = range.begin;
            thread.tensors_end = range.end;
            thread.tensors_version = now;
        }
    }
    if (thread.tensors_end > address && address >= thread.tensors_begin && (!is_object(address, thread.tensors_begin, thread.tensors_end) || !is_sane(tensor))) {
        fail(LLAMACFFI_ERROR_FREED, argument, "not a ggml_tensor of this context");
        return false;
    }
    if (use == TensorUse::data) {
        // What a view looks into may be in another context.
        if (tensor->view_src && !check_tensor(argument, tensor->view_src, TensorUse::look)) return false;
        const ggml_backend_buffer * buffer = tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
        // A callback's tensors may have buffers that llama.cpp made for itself, where a freed one was.
        if (buffer && !outer_ && dead(buffer)) {
            fail(LLAMACFFI_ERROR_FREED, argument, "the ggml_backend_buffer that holds this tensor's data was freed");
            return false;
        }
    }
    return true;
}

}  // namespace llamacffi
