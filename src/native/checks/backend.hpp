// What ggml-backend.cpp, ggml-opt.cpp and the backends take for granted.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "guard.hpp"
#include "internal_backend.h"
#include "ggml.hpp"

namespace llamacffi {

extern std::recursive_mutex account;  // handles.cpp

// Modules -------------------------------------------------------------------------------------------------------------

// Devices and their like are known once they came out of a guard. What one is that did not is said here.
template <class T> T * seen(T * handle) {
    if (handle && !known(handle)) made(handle);
    return handle;
}

inline ggml_backend_reg_t module_of(ggml_backend_dev_t device) {
    return device ? seen(ggml_backend_dev_backend_reg(device)) : nullptr;
}
inline ggml_backend_reg_t module_of(ggml_backend_buffer_type_t buft) {
    return module_of(ggml_backend_buft_get_device(buft));
}

// What was made by a module's code, which ggml_backend_unload would take away.
inline void made_by_module(ggml_backend_t backend) {
    if (backend) made(backend, blocks(module_of(ggml_backend_get_device(backend))));
}
inline void made_by_module(ggml_backend_buffer_t buffer) {
    if (buffer) made(buffer, blocks(module_of(ggml_backend_buffer_get_type(buffer))));
}
inline void made_by_module(ggml_backend_event_t event, ggml_backend_dev_t device) {
    if (event) made(event, blocks(module_of(device)));
}
inline void part_of_module(ggml_backend_dev_t device) {
    if (device && !known(device)) made(device, part_of(module_of(device)));
}
inline void part_of_module(ggml_backend_buffer_type_t buft) {
    if (buft && !known(buft)) made(buft, part_of(module_of(buft)));
}

template <class T> bool any_alive() {
    const Table * now = table.load(std::memory_order_acquire);
    for (size_t at = 0; at <= now->mask; at++) {
        const Entry * entry = now->slots[at].load(std::memory_order_acquire);
        if (entry && entry->kind == &KindOf<T>::kind && entry->alive.load()) return true;
    }
    return false;
}

inline bool is_for_cpu(ggml_backend_reg_t reg) {
    return ggml_backend_reg_dev_count(reg) > 0 &&
        ggml_backend_dev_type(ggml_backend_reg_dev_get(reg, 0)) == GGML_BACKEND_DEVICE_TYPE_CPU;
}

// Arrays of handles ---------------------------------------------------------------------------------------------------

template <class T> bool all_live(Call & call, const char * argument, T * const * handles, size_t n) {
    if (n > SIZE_MAX / sizeof(T *) || !readable(handles, n * sizeof(T *))) return false;
    for (size_t i = 0; i < n; i++) {
        if (!handles[i] || !call.look(argument, handles[i])) return false;
    }
    return true;
}

// Tensors -------------------------------------------------------------------------------------------------------------

inline ggml_backend_buffer_t memory_of(const ggml_tensor * tensor) {
    return const_cast<ggml_backend_buffer_t>(buffer_of(tensor));
}

// ggml adds offset and size up without looking for an overflow.
inline bool is_within(const ggml_tensor * tensor, size_t offset, size_t size) {
    const size_t all = ggml_nbytes(tensor);
    return offset <= all && size <= all - offset;
}

// How far copies of `size` bytes at these distances reach; SIZE_MAX if that is too far to be counted.
inline size_t reach(size_t size, size_t n_copies, size_t stride) {
    if (n_copies == 0 || size == 0) return 0;
    if (stride && n_copies - 1 > (SIZE_MAX - size) / stride) return SIZE_MAX;
    return (n_copies - 1) * stride + size;
}

// Without anything to copy, the loop over the copies still runs to its end.
inline bool is_count(size_t size, size_t n_copies, size_t stride_tensor, size_t stride_data) {
    return n_copies < 1 << 20 || (size && (stride_tensor || stride_data));
}

// `data`, `ne` and `nb` are fields that anybody can write. Where they lead out of the buffer, a copy would, too.
inline bool is_in_buffer(const ggml_tensor * tensor) {
    const ggml_backend_buffer_t buffer = memory_of(tensor);
    if (!buffer || !tensor->data || !ggml_backend_buffer_is_host(buffer) || llamacffi_is_meta(buffer)) return true;
    const uintptr_t base = (uintptr_t) ggml_backend_buffer_get_base(buffer), data = (uintptr_t) tensor->data;
    const size_t size = ggml_backend_buffer_get_size(buffer), needed = ggml_nbytes(tensor);
    return needed == 0 || (base && data >= base && data - base <= size && needed <= size - (data - base));
}

// ggml_backend_tensor_copy reads both tensors' buffers and data unseen.
inline bool is_allocated(const ggml_tensor * tensor) {
    return tensor->buffer && (tensor->data || ggml_nbytes(tensor) == 0);
}
// Several CPUs' meta buffer says that its addresses are in main memory.
inline bool is_readable(ggml_backend_buffer_t buffer) {
    return ggml_backend_buffer_is_host(buffer) && !llamacffi_is_meta(buffer);
}
inline bool is_readable(const ggml_tensor * tensor) {
    return is_readable(tensor->buffer) || (!ggml_backend_buffer_is_host(tensor->buffer) && llamacffi_can_get(tensor));
}
inline bool is_writable(const ggml_tensor * dst, const ggml_tensor * src) {
    return llamacffi_can_set(dst) &&
        (is_readable(src->buffer) || is_readable(dst->buffer) || !ggml_backend_buffer_is_host(dst->buffer));
}

// A backend that copies by itself does it in its own memory only; a server of the RPC backend hangs up otherwise.
inline bool is_reached(ggml_backend_t backend, const ggml_tensor * tensor) {
    const ggml_backend_buffer_t buffer = memory_of(tensor);
    return !llamacffi_copies(backend) ||
        (buffer && ggml_backend_supports_buft(backend, ggml_backend_buffer_get_type(buffer)));
}

// ggml_backend_tensor_alloc asserts it with a sum that may overflow, and that of a buffer without an address, too.
inline bool is_place(ggml_backend_buffer_t buffer, const ggml_tensor * tensor, const void * addr) {
    const uintptr_t base = (uintptr_t) ggml_backend_buffer_get_base(buffer), at = (uintptr_t) addr;
    if (at < base) return false;
    if (llamacffi_is_meta(buffer)) return true;
    const size_t size = ggml_backend_buffer_get_size(buffer),
                 needed = ggml_backend_buffer_get_alloc_size(buffer, const_cast<ggml_tensor *>(tensor));
    return at - base <= size && needed <= size - (at - base) && (base || needed == 0);
}

// Graphs --------------------------------------------------------------------------------------------------------------

inline int n_nodes(const ggml_cgraph * graph) { return ggml_graph_n_nodes(const_cast<ggml_cgraph *>(graph)); }
inline ggml_tensor * node(const ggml_cgraph * graph, int i) {
    return ggml_graph_node(const_cast<ggml_cgraph *>(graph), i);
}

// Whether the tensor and its sources are there: contexts and buffers can be freed while tensors elsewhere name them.
inline bool is_whole(Call & call, const char * argument, const ggml_tensor * tensor) {
    if (!call.check_tensor(argument, tensor, TensorUse::data)) return false;
    for (const ggml_tensor * src : tensor->src)
        if (src && !call.check_tensor(argument, src, TensorUse::data)) return false;
    return true;
}
inline bool is_whole(Call & call, const char * argument, const ggml_cgraph * graph) {
    for (int i = 0; i < n_nodes(graph); i++)
        if (!is_whole(call, argument, node(graph, i))) return false;
    for (int i = 0; i < llamacffi_n_leafs(graph); i++)
        if (!is_whole(call, argument, llamacffi_leaf(graph, i))) return false;
    return true;
}

// All that a tensor depends on, each once.
template <class F> bool each_below(const ggml_tensor * output, F look) {
    std::vector<const ggml_tensor *> left = {output};
    std::unordered_set<const ggml_tensor *> done;
    while (!left.empty()) {
        const ggml_tensor * tensor = left.back();
        left.pop_back();
        if (!done.insert(tensor).second) continue;
        if (!look(tensor)) return false;
        if (tensor->view_src) left.push_back(tensor->view_src);
        for (const ggml_tensor * src : tensor->src)
            if (src) left.push_back(src);
    }
    return true;
}
inline bool is_whole_below(Call & call, const char * argument, const ggml_tensor * output) {
    return each_below(output, [&](const ggml_tensor * tensor) { return is_whole(call, argument, tensor); });
}

// Whether every tensor that is computed, and what it is computed from, has its memory.
inline bool has_memory(const ggml_cgraph * graph) {
    return each_computed(graph, [&](const ggml_tensor * each) {
        if (!is_computed(each)) return true;
        if (!each->data) return false;
        for (int i = 0; i < GGML_MAX_SRC; i++) {
            const ggml_tensor * src = each->src[i];
            if (src && !src->data && !ggml_is_empty(src) && !is_shape_only(each, i)) return false;
        }
        return true;
    });
}

// Whether the backend computes all this, in memory that it reaches: its kernels don't ask.
inline bool is_for(Call & call, const char * argument, const ggml_cgraph * graph, ggml_backend_t backend) {
    if (is_on_cpu(backend)) return is_computable(call, argument, graph);
    const bool in_host = ggml_backend_dev_type(ggml_backend_get_device(backend)) == GGML_BACKEND_DEVICE_TYPE_ACCEL;
    const auto reaches = [&](const ggml_tensor * tensor) {
        const ggml_backend_buffer_t buffer = memory_of(tensor);
        return buffer ? ggml_backend_supports_buft(backend, ggml_backend_buffer_get_type(buffer)) : in_host;
    };
    return is_whole(call, argument, graph) && has_memory(graph) && each_computed(graph, [&](const ggml_tensor * each) {
        if (!is_computed(each)) return true;
        if (!ggml_backend_supports_op(backend, each) || !reaches(each)) return false;
        for (const ggml_tensor * src : each->src)
            if (src && !ggml_is_empty(src) && !reaches(src)) return false;
        return true;
    });
}

// graph_copy_init_tensor copies every tensor out of its buffer.
inline bool can_copy(const ggml_cgraph * graph) {
    const auto copied = [](const ggml_tensor * tensor) {
        const ggml_backend_buffer_t buffer = memory_of(tensor);
        return tensor->data && buffer && tensor->buffer && is_readable(tensor);
    };
    return each_computed(graph, [&](const ggml_tensor * each) {
        return each_below(each, [&](const ggml_tensor * tensor) { return copied(tensor); });
    });
}

// A meta device's memory takes tensors in the order of their making, and graph_copy_dup_tensor makes sources last.
inline bool takes_copies(ggml_backend_t backend) {
    return ggml_backend_dev_type(ggml_backend_get_device(backend)) != GGML_BACKEND_DEVICE_TYPE_META;
}

inline bool has_nodes(const ggml_cgraph * graph, const ggml_tensor * const * tensors, size_t n) {
    for (size_t j = 0; j < n; j++) {
        for (int i = 0; i < n_nodes(graph); i++)
            if (tensors[j] == node(graph, i)) return true;
    }
    return n == 0;
}

// What is noted of objects that do not tell ---------------------------------------------------------------------------

// What a scheduler has allocated. It computes that, whatever graph it is asked for.
struct SchedNote {
    enum { nothing, graph_is, opt_is, unsure } state = nothing;
    const void * allocated = nullptr;  // the ggml_cgraph or the ggml_opt_context
    int n_nodes = 0;
};
struct OptNote {
    ggml_backend_sched_t sched;
    ggml_opt_loss_type loss;
    ggml_opt_build_type build;
    bool fixed;      // the graphs were built once and for all
    bool allocated;  // once, at least
    bool ready;      // for an evaluation, maybe
    int32_t period, step;  // of the evaluations to an optimizer's step; -1 if one failed
    ggml_context * ctx_compute;  // of the graph that was prepared, NULL if none is
    ggml_cgraph * gf;
    bool has_optimizer_graph;
};
struct PlanNote {
    ggml_backend_t backend;
    ggml_cgraph * graph;
    std::vector<ggml_tensor> nodes;  // copies, to see changes
    std::vector<const ggml_tensor *> addresses;
    const ggml_threadpool * pool;
};
// Under the account's lock, which survives a fork.
struct BackendNotes {
    std::map<const ggml_backend_sched *, SchedNote> scheds;
    std::unordered_set<const ggml_backend_sched *> unbacked;  // measured, without memory
    std::map<const ggml_opt_context *, OptNote> opts;
    std::map<const ggml_opt_dataset *, int64_t> shards;
    std::map<const void *, PlanNote> plans;
};
inline BackendNotes & backend_notes() {
    static BackendNotes * notes = new BackendNotes;  // never destroyed: threads may outlive the statics
    return *notes;
}
template <class Map, class Key> auto note_of(Map & map, const Key & key) -> typename Map::mapped_type * {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
}

// Schedulers ----------------------------------------------------------------------------------------------------------

inline void sched_made(ggml_backend_sched_t sched) {
    made(sched);
    for (int i = 0; i < ggml_backend_sched_get_n_backends(sched); i++)
        uses_too(sched, ggml_backend_sched_get_backend(sched, i));
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().scheds[sched] = {};
}
inline void sched_freed(ggml_backend_sched_t sched) {
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().scheds.erase(sched);
    backend_notes().unbacked.erase(sched);
}

// ggml_gallocr_alloc_graph would use buffers that a mere measuring, or a failure, has let go.
inline void sched_is_backed(ggml_backend_sched_t sched, bool backed) {
    std::lock_guard<std::recursive_mutex> lock(account);
    if (backed) backend_notes().unbacked.erase(sched);
    else backend_notes().unbacked.insert(sched);
}
inline bool sched_is_backed(ggml_backend_sched_t sched) {
    std::lock_guard<std::recursive_mutex> lock(account);
    return !backend_notes().unbacked.count(sched);
}
inline bool sched_has_buffers(ggml_backend_sched_t sched, const size_t * sizes) {
    std::vector<ggml_backend_buffer_type_t> bufts;
    for (int i = 0; i < ggml_backend_sched_get_n_backends(sched); i++) {
        const ggml_backend_t backend = ggml_backend_sched_get_backend(sched, i);
        const ggml_backend_buffer_type_t buft = ggml_backend_sched_get_buffer_type(sched, backend);
        if (std::find(bufts.begin(), bufts.end(), buft) != bufts.end()) continue;  // it shares the first one's
        bufts.push_back(buft);
        if (sizes[i] && ggml_backend_sched_get_buffer_size(sched, backend) == 0) return false;
    }
    return true;
}
inline void sched_is(ggml_backend_sched_t sched, SchedNote note) {
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().scheds[sched] = note;
}
inline SchedNote sched_note(ggml_backend_sched_t sched) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const SchedNote * note = note_of(backend_notes().scheds, sched);
    return note ? *note : SchedNote{};
}

// The memory of a graph's tensors that the scheduler allocated is a part of it.
inline void sched_memory(ggml_backend_sched_t sched, const ggml_tensor * tensor) {
    const ggml_backend_buffer_t buffer = tensor ? memory_of(tensor) : nullptr;
    if (buffer && !known(buffer)) made(buffer, part_of(sched));
}
inline void sched_memory(ggml_backend_sched_t sched, const ggml_cgraph * graph) {
    for (int i = 0; i < n_nodes(graph); i++) sched_memory(sched, node(graph, i));
    for (int i = 0; i < llamacffi_n_leafs(graph); i++) sched_memory(sched, llamacffi_leaf(graph, i));
}
inline bool sched_is_free(ggml_backend_sched_t sched) { return sched_note(sched).state == SchedNote::nothing; }

// Whether it would compute this graph.
inline bool sched_computes(ggml_backend_sched_t sched, const ggml_cgraph * graph) {
    const SchedNote note = sched_note(sched);
    if (note.state == SchedNote::nothing) return true;
    return note.state == SchedNote::graph_is && note.allocated == graph && note.n_nodes == n_nodes(graph) &&
        has_memory(graph);
}

// Whether the backends compute these nodes, in memory that has not been taken for what it says to be.
inline bool is_for(Call & call, const char * argument, const ggml_cgraph * graph, ggml_backend_sched_t sched) {
    for (int i = 0; i < ggml_backend_sched_get_n_backends(sched); i++)
        if (!is_on_cpu(ggml_backend_sched_get_backend(sched, i))) return true;  // who knows which computes what
    const auto is_real = [](const ggml_tensor * tensor) {
        const ggml_backend_buffer_t buffer = tensor ? memory_of(tensor) : nullptr;
        return !buffer || !llamacffi_is_meta(buffer);
    };
    const bool real = each_computed(graph, [&](const ggml_tensor * each) {
        if (!is_real(each)) return false;
        for (const ggml_tensor * src : each->src)
            if (!is_real(src)) return false;
        return true;
    });
    return real && is_for_kernels(call, argument, graph) && has_rows(call, argument, graph);
}

// A scheduler in use: with it its backends, which another scheduler may have, too. Where it takes larger buffers, the
// old ones are gone. Unless the call says what it allocated, nobody knows.
class SchedUse {
  public:
    SchedUse(Call & call, const char * argument, ggml_backend_sched_t sched) : sched_(sched) {
        if (!sched) return;
        ok_ = use_.lock(call, argument, sched);
        for (int i = 0; ok_ && i < ggml_backend_sched_get_n_backends(sched); i++) {
            const ggml_backend_t backend = ggml_backend_sched_get_backend(sched, i);
            backends_.emplace_back();
            ok_ = backends_.back().lock(call, argument, backend);
            if (ok_ && call.is_computing()) ok_ = pools_.take(call, argument, backend);
        }
        if (!ok_) return;
        sizes_ = sizes();
        before_ = sched_note(sched);
        sched_is(sched, {SchedNote::unsure, nullptr, 0});
    }
    SchedUse(const SchedUse &) = delete;
    ~SchedUse() { settle(); }
    bool ok() const { return ok_; }
    // Before new memory is noted.
    void settle() {
        if (!sched_ || !ok_) return;
        const std::vector<size_t> now = sizes();
        if (now != sizes_) parts_gone(sched_);
        sizes_ = now;
    }
    void allocated(const ggml_cgraph * graph) {
        settle();
        sched_memory(sched_, graph);
        sched_is(sched_, {SchedNote::graph_is, graph, n_nodes(graph)});
    }
    void allocated(const ggml_opt_context * opt) {
        settle();
        if (sched_) sched_is(sched_, {SchedNote::opt_is, opt, 0});
    }
    void allocated_nothing() { sched_is(sched_, {}); }
    void changed_nothing() { sched_is(sched_, before_); }
    void split() {
        sched_is(sched_, {before_.state == SchedNote::nothing ? SchedNote::nothing : SchedNote::unsure, nullptr, 0});
    }

  private:
    std::vector<size_t> sizes() const {
        std::vector<size_t> found;
        for (int i = 0; i < ggml_backend_sched_get_n_backends(sched_); i++)
            found.push_back(ggml_backend_sched_get_buffer_size(sched_, ggml_backend_sched_get_backend(sched_, i)));
        return found;
    }
    ggml_backend_sched_t sched_;
    Use use_;
    std::deque<Use> backends_;
    PoolUse pools_;
    std::vector<size_t> sizes_;
    SchedNote before_;
    bool ok_ = true;
};

// Plans ---------------------------------------------------------------------------------------------------------------

// A plan keeps the graph's own list of nodes, and memory for kernels that is as large as they need it now.
inline void plan_made(ggml_backend_graph_plan_t plan, ggml_backend_t backend, ggml_cgraph * graph) {
    if (!plan) return;
    PlanNote note = {backend, graph, {}, {}, notes<CpuNote>().read(backend).pool};
    for (int i = 0; i < n_nodes(graph); i++) {
        note.addresses.push_back(node(graph, i));
        note.nodes.push_back(*node(graph, i));
    }
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().plans[plan] = std::move(note);
}
inline bool is_plan(ggml_backend_graph_plan_t plan, ggml_backend_t backend) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const PlanNote * note = note_of(backend_notes().plans, plan);
    return note && note->backend == backend;
}
inline void plan_freed(ggml_backend_graph_plan_t plan) {
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().plans.erase(plan);
}
inline void plans_of_freed(ggml_backend_t backend) {
    std::lock_guard<std::recursive_mutex> lock(account);
    for (auto each = backend_notes().plans.begin(); each != backend_notes().plans.end();)
        each = each->second.backend == backend ? backend_notes().plans.erase(each) : std::next(each);
}
inline const ggml_threadpool * pool_of(ggml_backend_graph_plan_t plan) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const PlanNote * note = note_of(backend_notes().plans, plan);
    return note ? note->pool : nullptr;
}
inline bool plan_holds(Call & call, ggml_backend_graph_plan_t plan) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const PlanNote & note = *note_of(backend_notes().plans, plan);
    const ggml_cgraph * graph = note.graph;
    if (!call.look("plan", graph) || (size_t) n_nodes(graph) != note.nodes.size()) return false;
    if (note.pool && !call.look("plan", note.pool)) return false;
    if (!is_for(call, "plan", graph, note.backend)) return false;
    for (size_t i = 0; i < note.nodes.size(); i++) {
        const ggml_tensor & now = *node(graph, (int) i), & then = note.nodes[i];
        if (&now != note.addresses[i] || now.type != then.type || now.op != then.op) return false;
        if (std::memcmp(now.ne, then.ne, sizeof now.ne) || std::memcmp(now.nb, then.nb, sizeof now.nb)) return false;
        if (std::memcmp(now.src, then.src, sizeof now.src) ||
            std::memcmp(now.op_params, then.op_params, sizeof now.op_params))
            return false;
    }
    return true;
}

// Training ------------------------------------------------------------------------------------------------------------

// ggml_opt_dataset_init multiplies these, and divides by what comes out.
inline bool is_dataset_type(ggml_type type, int64_t ne) {
    return ggml_blck_size(type) > 0 && ne % ggml_blck_size(type) == 0;
}
inline bool is_dataset_size(ggml_type type, int64_t ne, int64_t ndata, int64_t ndata_shard) {
    if (ne <= 0 || ndata <= 0 || ndata_shard <= 0) return true;  // asserted, or there are no labels
    const double bytes = (double) ggml_type_size(type) * (double) ne / (double) ggml_blck_size(type) * (double) ndata;
    return ndata_shard <= ndata && bytes * (double) ndata_shard < std::ldexp(1.0, 62);
}
inline void dataset_made(ggml_opt_dataset_t dataset, int64_t ndata_shard) {
    made(dataset);
    ggml_tensor * data = ggml_opt_dataset_data(dataset);
    if (data->buffer) made(data->buffer, part_of(dataset));
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().shards[dataset] = ndata_shard;
}
inline void dataset_freed(ggml_opt_dataset_t dataset) {
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().shards.erase(dataset);
}
// It asks for memory and does not look whether it got some.
inline bool has_memory(ggml_opt_dataset_t dataset) { return ggml_opt_dataset_data(dataset)->data != nullptr; }
inline size_t labels_for(ggml_opt_dataset_t dataset, size_t nb_data_batch) {
    const ggml_tensor * labels = ggml_opt_dataset_labels(dataset);
    return labels ? nb_data_batch / ggml_opt_dataset_data(dataset)->nb[1] * labels->nb[1] : 0;
}

// Whether ggml_opt_dataset_get_batch takes these. In the midst of an epoch its assertion would leave the
// ggml_opt_context waiting for an evaluation.
inline bool fits_inputs(ggml_opt_dataset_t dataset, const ggml_tensor * inputs) {
    const ggml_tensor * data = ggml_opt_dataset_data(dataset);
    std::lock_guard<std::recursive_mutex> lock(account);
    const int64_t * shard = note_of(backend_notes().shards, dataset);
    return inputs->type == data->type && ggml_is_contiguous(inputs) && inputs->ne[0] == data->ne[0] &&
        inputs->ne[1] > 0 && ggml_nelements(inputs) == inputs->ne[0] * inputs->ne[1] &&
        data->ne[1] % inputs->ne[1] == 0 && (!shard || inputs->ne[1] % *shard == 0);
}
inline bool fits_labels(ggml_opt_dataset_t dataset, const ggml_tensor * inputs, const ggml_tensor * labels) {
    const ggml_tensor * rows = ggml_opt_dataset_labels(dataset);
    if (!labels || !rows) return !labels == !rows;
    return labels->type == rows->type && ggml_nbytes(labels) == (size_t) inputs->ne[1] * rows->nb[1];
}
inline bool has_labels(ggml_opt_loss_type loss) {
    return loss == GGML_OPT_LOSS_TYPE_CROSS_ENTROPY || loss == GGML_OPT_LOSS_TYPE_MEAN_SQUARED_ERROR;
}

// Whether the kernels take the model, and those of the optimizer its parameters.
inline bool is_for_training(Call & call, const char * argument, const ggml_tensor * outputs) {
    return each_below(outputs, [&](const ggml_tensor * tensor) {
        if (!is_whole(call, argument, tensor)) return false;
        if (tensor->flags & GGML_TENSOR_FLAG_PARAM && tensor->type != GGML_TYPE_F32) return false;
        return tensor->op == GGML_OP_NONE || ggml_is_empty(tensor) || kernels::is_view(tensor) || kernels::take(tensor);
    });
}

inline bool is_loss(int loss) {
    return loss >= GGML_OPT_LOSS_TYPE_MEAN && loss <= GGML_OPT_LOSS_TYPE_MEAN_SQUARED_ERROR;
}
inline bool is_build(int build) {
    return build == GGML_OPT_BUILD_TYPE_FORWARD || build == GGML_OPT_BUILD_TYPE_GRAD ||
        build == GGML_OPT_BUILD_TYPE_OPT;
}
inline bool is_optimizer(int optimizer) { return optimizer >= 0 && optimizer < GGML_OPT_OPTIMIZER_TYPE_COUNT; }

template <class T> bool is_alive(Call & call, const char * argument, const T * handle) {
    return handle && call.look(argument, handle);
}

// ggml_opt_build's tensors and graphs, made in contexts of our own: the bytes that the first one takes.
inline size_t rehearse_training(ggml_context * ctx, ggml_context * other, ggml_cgraph * gf, ggml_tensor * outputs,
    ggml_opt_loss_type loss_type, ggml_opt_build_type build, int32_t period) {
    ggml_context * results = gf ? ctx : other;
    ggml_cgraph * forward =
        gf ? ggml_graph_dup(other, gf, true) : ggml_new_graph_custom(ctx, GGML_DEFAULT_GRAPH_SIZE, true);
    ggml_build_forward_expand(forward, outputs);
    ggml_tensor * labels = has_labels(loss_type) ? ggml_dup_tensor(results, outputs) : nullptr, * loss = outputs;
    if (loss_type == GGML_OPT_LOSS_TYPE_CROSS_ENTROPY) loss = ggml_cross_entropy_loss(results, outputs, labels);
    if (loss_type == GGML_OPT_LOSS_TYPE_MEAN_SQUARED_ERROR)
        loss = ggml_sqr(results, ggml_sub(results, outputs, labels));
    if (loss_type != GGML_OPT_LOSS_TYPE_CROSS_ENTROPY) loss = ggml_sum(results, loss);
    if (loss_type != GGML_OPT_LOSS_TYPE_SUM && (loss_type != GGML_OPT_LOSS_TYPE_CROSS_ENTROPY || period > 1))
        loss = ggml_scale(results, loss, 1.0f);
    ggml_set_loss(loss);
    ggml_build_forward_expand(forward, loss);
    if (loss_type == GGML_OPT_LOSS_TYPE_CROSS_ENTROPY)
        ggml_build_forward_expand(
            forward, ggml_count_equal(results, ggml_argmax(results, outputs), ggml_argmax(results, labels)));
    if (build == GGML_OPT_BUILD_TYPE_FORWARD) return ggml_used_mem(ctx);
    std::vector<ggml_tensor *> gradients;
    const int accumulated =
        GGML_TENSOR_FLAG_LOSS | (!gf && build == GGML_OPT_BUILD_TYPE_OPT && period == 1 ? 0 : GGML_TENSOR_FLAG_PARAM);
    size_t n_params = 0;
    for (int i = 0; i < n_nodes(forward); i++) {
        const ggml_tensor * each = node(forward, i);
        n_params += (each->flags & GGML_TENSOR_FLAG_PARAM) != 0;
        gradients.push_back(
            each->flags & accumulated ? ggml_new_tensor(other, GGML_TYPE_F32, GGML_MAX_DIMS, each->ne) : nullptr);
    }
    ggml_cgraph * backward = ggml_graph_dup(ctx, forward, true);
    ggml_build_backward_expand(ctx, backward, gradients.data());
    if (build == GGML_OPT_BUILD_TYPE_GRAD) return ggml_used_mem(ctx);
    ggml_graph_dup(ctx, backward, true);
    return ggml_used_mem(ctx) + n_params * ggml_tensor_overhead();
}

// Where a context has no room for a graph, ggml_new_graph_custom writes to NULL.
inline bool has_room_for_training(const ggml_context * room, ggml_cgraph * gf, ggml_tensor * outputs,
    ggml_opt_loss_type loss, ggml_opt_build_type build, int32_t period) {
    ggml_context * ctx = const_cast<ggml_context *>(room);
    size_t n = 0;
    each_below(outputs, [&](const ggml_tensor *) { return ++n; });
    const int size = gf ? ggml_graph_size(gf) : GGML_DEFAULT_GRAPH_SIZE;
    const size_t ample = 3 * ggml_graph_overhead_custom((size_t) size, true) + (16 * n + 64) * ggml_tensor_overhead();
    const size_t left = ggml_get_mem_size(ctx) - ggml_used_mem(ctx);
    if (left >= ample && ggml_get_no_alloc(ctx)) return true;
    struct Contexts {
        ggml_context * own = nullptr, * other = nullptr;
        ~Contexts() {
            ggml_free(own);
            ggml_free(other);
        }
    } contexts;
    try {
        contexts.own = ggml_init({4 * ample + 2 * ggml_get_mem_size(ctx), nullptr, ggml_get_no_alloc(ctx)});
        contexts.other = ggml_init({4 * ample, nullptr, true});
        return rehearse_training(contexts.own, contexts.other, gf, outputs, loss, build, period) <= left;
    } catch (...) {
        return !contexts.own || ggml_used_mem(contexts.own) <= left;  // up to there; the call itself will tell the rest
    }
}

inline ggml_backend_sched_t sched_of(ggml_opt_context_t opt) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const OptNote * note = note_of(backend_notes().opts, opt);
    return note ? note->sched : nullptr;
}
inline void opt_result(ggml_opt_context_t opt, const ggml_tensor * tensor) {
    // Of fixed graphs, these are in contexts and buffers that are the ggml_opt_context's own.
    if (!tensor) return;
    if (ggml_opt_static_graphs(opt) && !known(tensor)) made(tensor, part_of(opt));
    if (tensor->buffer && !known(tensor->buffer)) {
        if (ggml_opt_static_graphs(opt)) made(tensor->buffer, part_of(opt));
        else if (ggml_backend_sched_t sched = sched_of(opt)) made(tensor->buffer, part_of(sched));
    }
}
inline void opt_made(ggml_opt_context_t opt, const ggml_opt_params & params) {
    made(opt, blocks(params.backend_sched));
    if (params.ctx_compute) uses_too(opt, params.ctx_compute);
    const bool fixed = params.ctx_compute != nullptr, optimizes = fixed && params.build_type == GGML_OPT_BUILD_TYPE_OPT;
    std::lock_guard<std::recursive_mutex> lock(account);
    backend_notes().opts[opt] = {params.backend_sched, params.loss_type, params.build_type, fixed, false, false,
        params.opt_period, 0, nullptr, nullptr, optimizes};
}
inline void opt_freed(ggml_opt_context_t opt) {
    std::lock_guard<std::recursive_mutex> lock(account);
    for (auto & each : backend_notes().scheds) {
        if (each.second.state == SchedNote::opt_is && each.second.allocated == opt)
            each.second = {SchedNote::unsure, nullptr, 0};
    }
    backend_notes().opts.erase(opt);
}
inline void opt_prepared(ggml_opt_context_t opt, ggml_context * ctx_compute, ggml_cgraph * gf) {
    std::lock_guard<std::recursive_mutex> lock(account);
    if (OptNote * note = note_of(backend_notes().opts, opt)) {
        note->ctx_compute = ctx_compute;
        note->gf = gf;
    }
}

// ggml_opt_build takes what ggml_opt_prepare_alloc was given, once.
inline bool opt_is_prepared(ggml_opt_context_t opt) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const OptNote * note = note_of(backend_notes().opts, opt);
    return !note || note->fixed || note->gf;
}
inline bool opt_is_whole(Call & call, ggml_opt_context_t opt) {
    OptNote note = {};
    {
        std::lock_guard<std::recursive_mutex> lock(account);
        if (const OptNote * found = note_of(backend_notes().opts, opt)) note = *found;
    }
    if (note.ctx_compute && !call.look("opt_ctx", note.ctx_compute)) return false;
    if (note.gf && (!call.look("opt_ctx", note.gf) || !is_whole(call, "opt_ctx", note.gf))) return false;
    const ggml_tensor * inputs = ggml_opt_inputs(opt), * outputs = ggml_opt_outputs(opt);
    if (!note.fixed && !note.gf) return true;
    return (!inputs || call.check_tensor("opt_ctx", inputs, TensorUse::data)) &&
        (!outputs || is_whole_below(call, "opt_ctx", outputs));
}
inline void opt_allocated(ggml_opt_context_t opt, bool backward) {
    ggml_backend_sched_t sched = nullptr;
    ggml_cgraph * gf = nullptr;
    {
        std::lock_guard<std::recursive_mutex> lock(account);
        OptNote * note = note_of(backend_notes().opts, opt);
        if (!note) return;
        note->allocated = note->ready = true;
        if (!note->fixed)
            note->has_optimizer_graph = backward && note->step >= 0 && (note->step + 1) % note->period == 0;
        sched = note->sched;
        gf = note->gf;
    }
    if (gf) sched_memory(sched, gf);
    for (const ggml_tensor * each :
        {ggml_opt_labels(opt), ggml_opt_loss(opt), ggml_opt_pred(opt), ggml_opt_ncorrect(opt)})
        opt_result(opt, each);
}

inline bool opt_has_room(ggml_opt_context_t opt, bool backward) {
    OptNote note = {};
    {
        std::lock_guard<std::recursive_mutex> lock(account);
        if (const OptNote * found = note_of(backend_notes().opts, opt)) note = *found;
    }
    if (!note.gf) return true;
    const ggml_opt_build_type next = !backward ? GGML_OPT_BUILD_TYPE_FORWARD :
        note.step < 0 || (note.step + 1) % note.period == 0 ? GGML_OPT_BUILD_TYPE_OPT : GGML_OPT_BUILD_TYPE_GRAD;
    return has_room_for_training(
        note.ctx_compute, note.gf, ggml_opt_outputs(opt), note.loss, note.allocated ? next : note.build, note.period);
}

// It computes what the scheduler has, which must be its own; and does not allocate fixed graphs again.
inline bool opt_has_sched(ggml_opt_context_t opt) {
    const SchedNote note = sched_note(sched_of(opt));
    return !sched_of(opt) || (note.state == SchedNote::opt_is && note.allocated == opt);
}
inline bool opt_may_allocate(ggml_opt_context_t opt) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const OptNote * note = note_of(backend_notes().opts, opt);
    return !note || !note->fixed || !note->allocated || opt_has_sched(opt);
}
inline bool opt_is_ready(ggml_opt_context_t opt) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const OptNote * note = note_of(backend_notes().opts, opt);
    return !note || note->ready;
}

// An evaluation takes what was prepared. Where it fails, it may have been done or not.
class OptEval {
  public:
    explicit OptEval(ggml_opt_context_t opt) : opt_(opt) {
        change([](OptNote & note) {
            if (note.fixed) return;
            note.has_optimizer_graph = false;
            note.ctx_compute = nullptr;
            note.gf = nullptr;
        });
    }
    OptEval(const OptEval &) = delete;
    ~OptEval() {
        if (!done_) change([](OptNote & note) {
            note.ready = true;
            note.step = -1;
        });
    }
    void done() {
        done_ = true;
        change([](OptNote & note) {
            note.ready = false;
            if (note.step >= 0) note.step = (note.step + 1) % note.period;
        });
    }

  private:
    template <class F> void change(F how) {
        std::lock_guard<std::recursive_mutex> lock(account);
        if (OptNote * note = note_of(backend_notes().opts, opt_)) how(*note);
    }

    ggml_opt_context_t opt_;
    bool done_ = false;
};

inline bool opt_has_optimizer_graph(ggml_opt_context_t opt) {
    std::lock_guard<std::recursive_mutex> lock(account);
    const OptNote * note = note_of(backend_notes().opts, opt);
    return !note || note->has_optimizer_graph;
}
inline int64_t ndata_of(ggml_opt_result_t result) {
    int64_t ndata = 0;
    ggml_opt_result_ndata(result, &ndata);
    return ndata;
}

// The header says that `unc` may be NULL, and of an empty result it is written to without a look.
inline void opt_result_loss(ggml_opt_result_t result, double * loss, double * unc) {
    double unused;
    ggml_opt_result_loss(result, loss, unc ? unc : &unused);
}

// RPC -----------------------------------------------------------------------------------------------------------------

inline size_t device_count(ggml_backend_reg_t reg) { return reg ? ggml_backend_reg_dev_count(reg) : 0; }

// As parse_endpoint in ggml-rpc.cpp.
inline bool is_endpoint(const char * endpoint) {
    const char * colon = std::strchr(endpoint, ':');
    if (!colon || colon == endpoint) return false;
    const std::string port = colon + 1;
    return !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos &&
        std::stoi(port) <= 65535;
}

}  // namespace llamacffi
