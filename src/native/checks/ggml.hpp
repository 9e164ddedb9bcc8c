// What ggml takes for granted about shapes, data, graphs and threads.
#pragma once
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "guard.hpp"
#include "internal_backend.h"
#include "cpu_kernels.hpp"

namespace llamacffi {

extern std::recursive_mutex account;  // handles.cpp; it survives a fork

// What an object was made with and has no function to ask for, by its address.
template <class T> class Notes {
  public:
    void write(const void * object, const T & note) {
        std::lock_guard<std::recursive_mutex> lock(account);
        notes_[object] = note;
    }
    T read(const void * object) const {
        std::lock_guard<std::recursive_mutex> lock(account);
        const auto found = notes_.find(object);
        return found == notes_.end() ? T() : found->second;
    }

    template <class F> auto with(const void * object, F look) {
        std::lock_guard<std::recursive_mutex> lock(account);
        return look(notes_[object]);
    }

  private:
    std::map<const void *, T> notes_;
};
// Never destroyed: threads may outlive the statics.
template <class T> Notes<T> & notes() {
    static Notes<T> * it = new Notes<T>;
    return *it;
}

// ---- types and shapes

// Also those that were removed: loops over all types pass them.
inline bool is_type(ggml_type type) { return (unsigned) type < GGML_TYPE_COUNT; }

// ggml_row_size: an assert() only, and a division by the block's size.
inline bool whole_blocks(ggml_type type, int64_t ne0) {
    const int64_t block = is_type(type) ? ggml_blck_size(type) : 0;
    return block > 0 && ne0 % block == 0;
}

template <class... N> bool none_negative(N... ne) { return ((ne >= 0) && ...); }

// ggml_new_tensor_impl counts the elements in 63 bits, but the bytes in 64 unchecked ones.
inline bool countable(ggml_type type, std::initializer_list<int64_t> ne) {
    double bytes = (double) ggml_type_size(type) / (double) ggml_blck_size(type);
    for (int64_t each : ne) bytes *= (double) each;
    return bytes <= 1e18;
}

inline bool countable(ggml_type type, const int64_t * ne, int n_dims) {
    double bytes = (double) ggml_type_size(type) / (double) ggml_blck_size(type);
    for (int i = 0; i < n_dims; i++) bytes *= (double) ne[i];
    return bytes <= 1e18;
}

inline bool none_negative_of(const int64_t * ne, int n_dims) {
    for (int i = 0; i < n_dims; i++)
        if (ne[i] < 0) return false;
    return true;
}

// Remainders and quotients are taken of these dimensions.
inline bool none_zero(const ggml_tensor * tensor, int first) {
    for (int i = first; i < GGML_MAX_DIMS; i++)
        if (tensor->ne[i] == 0) return false;
    return true;
}

// ggml_view_*: neither the strides nor the sum of offset and size are looked at.
inline bool is_inside(const ggml_tensor * a, std::initializer_list<int64_t> ne, std::initializer_list<size_t> nb,
                      size_t offset) {
    const ggml_tensor * base = a->view_src ? a->view_src : a;
    const size_t room = ggml_nbytes(base), limit = (size_t) 1 << 62;
    size_t end = ggml_row_size(a->type, ne.begin()[0]);
    for (int64_t each : ne)
        if (each == 0) end = 0;
    if (offset > limit || end > room) return false;
    if (end) {
        for (size_t i = 1; i < ne.size(); i++) {
            const size_t steps = (size_t) ne.begin()[i] - 1, stride = nb.begin()[i - 1];
            if (steps && stride > room / steps) return false;
            end += steps * stride;
        }
    }
    return offset + (a->view_src ? a->view_offs : 0) + end <= room;
}

// ggml_acc and ggml_set: the kernels assert that b, laid out so, is inside of a; strides are kept in 31 bits.
inline bool lies_in(const ggml_tensor * b, const ggml_tensor * a, size_t nb1, size_t nb2, size_t nb3, size_t offset) {
    const size_t room = ggml_nbytes(a), strides[] = {ggml_element_size(a), nb1, nb2, nb3};
    if (offset > INT32_MAX || offset > room) return false;
    size_t end = offset + (ggml_is_empty(b) ? 0 : ggml_element_size(a));
    for (int i = 0; i < GGML_MAX_DIMS; i++) {
        const size_t steps = b->ne[i] ? (size_t) b->ne[i] - 1 : 0;
        if (steps && (strides[i] > INT32_MAX || strides[i] > room / steps)) return false;
        end += steps * strides[i];
    }
    return end <= room;
}

// ggml_calc_conv_output_size and ggml_calc_pool_output_size
inline int64_t outputs(int64_t input, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
    return (input + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

// ggml_im2col_back: the gradient that ggml_im2col's result would have.
inline bool is_windows_gradient(const ggml_tensor * a, const ggml_tensor * b, const int64_t * ne, int s0, int s1,
                                int p0, int p1, int d0, int d1, bool is_2D) {
    if (a->ne[1] != outputs(ne[0], b->ne[0], s0, p0, d0)) return false;
    if (!is_2D) return a->ne[0] == b->ne[1] * b->ne[0] && ne[1] == b->ne[1] && a->ne[2] == ne[2] && ne[3] == 1;
    return a->ne[2] == outputs(ne[1], b->ne[1], s1, p1, d1) && a->ne[0] == b->ne[2] * b->ne[1] * b->ne[0] &&
        ne[2] == b->ne[2] && a->ne[3] == ne[3];
}

// ggml_pool_2d_back: the gradient that ggml_pool_2d's result would have.
inline bool is_pool_gradient(const ggml_tensor * a, const ggml_tensor * af, int k0, int k1, int s0, int s1, float p0,
                             float p1) {
    return a->ne[0] == (int64_t) ((af->ne[0] + 2 * p0 - k0) / s0 + 1) &&
        a->ne[1] == (int64_t) ((af->ne[1] + 2 * p1 - k1) / s1 + 1) &&
        a->ne[2] == af->ne[2] && a->ne[3] == af->ne[3];
}

// ggml_win_unpart: the kernel finds the windows by this count.
inline bool is_windows_of(const ggml_tensor * a, int w0, int h0, int w) {
    const int64_t count = ((int64_t) w0 + w - 1) / w * (((int64_t) h0 + w - 1) / w);
    return a->ne[1] == w && a->ne[2] == w && a->ne[3] == count;
}

// The rope kernels assert all this, and divide by the sum of the sections.
inline bool is_rope_mode(int mode) {
#ifdef LLAMACFFI_HAS_GGML_ROPE_TYPE_IMROPE
    if (mode == GGML_ROPE_TYPE_IMROPE) return true;
#endif
    return mode == GGML_ROPE_TYPE_NORMAL || mode == GGML_ROPE_TYPE_NEOX || mode == GGML_ROPE_TYPE_MROPE ||
        mode == GGML_ROPE_TYPE_VISION;
}
inline bool can_rotate(const ggml_tensor * a, int n_dims, int mode) {
    return n_dims >= 0 && n_dims % 2 == 0 && n_dims <= a->ne[0] &&
        (mode != GGML_ROPE_TYPE_VISION || n_dims == a->ne[0] / 2);
}
inline bool are_sections(const int * sections, const ggml_tensor * a, int mode) {
    if (!(mode & GGML_ROPE_TYPE_MROPE)) return true;
    if (!sections) return false;
    int64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        if (sections[i] < 0) return false;
        sum += sections[i];
    }
    return sections[0] + (int64_t) sections[1] + sections[2] > 0 && sum <= a->ne[0];
}
inline bool can_shift(const ggml_tensor * a, int n_offs) {
    if (a->op != GGML_OP_ROPE && a->op != GGML_OP_ROPE_BACK) return true;  // reported by the assertion
    return n_offs % 2 == 0 && n_offs >= 0 && (int64_t) n_offs + a->op_params[1] <= a->ne[0];
}

// ggml_rwkv_wkv*, ggml_gated_linear_attn: the tokens are divided among the sequences.
inline bool are_sequences(const ggml_tensor * state, const ggml_tensor * k) {
    return state->ne[1] > 0 && k->ne[2] % state->ne[1] == 0;
}

// ggml_gated_delta_net: heads of q and k are repeated to those of v, the kernel divides by their numbers.
inline bool repeats_to(const ggml_tensor * part, const ggml_tensor * v) {
    return part->ne[0] == v->ne[0] && part->ne[1] > 0 && part->ne[2] == v->ne[2] && part->ne[3] > 0 &&
        v->ne[3] % part->ne[3] == 0;
}
inline bool is_gate_of(const ggml_tensor * gate, const ggml_tensor * v) {
    return gate->ne[1] == v->ne[1] && gate->ne[2] == v->ne[2] && gate->ne[3] == v->ne[3];
}

// ---- contexts

// What a new object of this size needs of a context's memory.
inline bool has_room(const ggml_context * ctx, size_t size) {
    const size_t object = ggml_tensor_overhead() - sizeof(ggml_tensor);
    const size_t free = ggml_get_mem_size(ctx) - ggml_used_mem(ctx);
    return size <= SIZE_MAX / 4 && GGML_PAD(size, GGML_MEM_ALIGN) + object <= free;
}
inline bool has_room_for_graph(const ggml_context * ctx, size_t size, bool grads) {
    return size <= ggml_get_mem_size(ctx) / (2 * sizeof(void *)) &&
        ggml_graph_overhead_custom(size, grads) <= ggml_get_mem_size(ctx) - ggml_used_mem(ctx);
}

inline bool belongs_to(const ggml_tensor * tensor, const ggml_context * ctx) {
    const uintptr_t begin = (uintptr_t) ggml_get_mem_buffer(ctx), address = (uintptr_t) tensor;
    return address >= begin && address < begin + ggml_get_mem_size(ctx);
}

// ggml_reset leaves the old tensors lie there: make them no tensors any more.
inline void wipe(ggml_context * ctx) {
    if (!ctx) return;
    static const size_t object = ggml_tensor_overhead() - sizeof(ggml_tensor);
    std::vector<ggml_tensor *> all;
    ggml_tensor * next = ggml_get_first_tensor(ctx);
    for (; next; next = ggml_get_next_tensor(ctx, next)) all.push_back(next);
    for (ggml_tensor * each : all) std::memset((char *) each - object, 0, object);
}

// ---- data

inline const ggml_backend_buffer * buffer_of(const ggml_tensor * tensor) {
    return tensor->view_src ? tensor->view_src->buffer : tensor->buffer;
}

inline bool is_host(const ggml_tensor * tensor) {
    const ggml_backend_buffer * buffer = buffer_of(tensor);
    return !buffer || ggml_backend_buffer_is_host(const_cast<ggml_backend_buffer *>(buffer));
}

// The element accessors of ggml-cpu.h.
inline bool has_elements(const ggml_tensor * tensor) {
    using namespace kernels;
    return is(tensor, floats | i8 | i16 | i32);
}
inline bool is_element(const ggml_tensor * tensor, int i0, int i1, int i2, int i3) {
    return i0 >= 0 && i0 < tensor->ne[0] && i1 >= 0 && i1 < tensor->ne[1] && i2 >= 0 && i2 < tensor->ne[2] &&
        i3 >= 0 && i3 < tensor->ne[3];
}

inline bool is_quantizable(ggml_type type) {
    using namespace kernels;
    return (ggml_is_quantized(type) || (kernels::type(type) & floats)) && !(kernels::type(type) & activations);
}

// ---- graphs

struct GraphNote {
    bool gradients = false;
    std::unordered_set<const ggml_tensor *> nodes;  // of a large one, those that have been looked at
    int n_nodes = 0;
};

// ggml_build_forward_*, which call themselves for each source that the graph does not have: how deep. Only a large
// graph takes enough nodes to reach the stack's end.
inline bool is_too_deep(const ggml_cgraph * cgraph, const ggml_tensor * tensor) {
    static const size_t limit = 30000;
    ggml_cgraph * graph = const_cast<ggml_cgraph *>(cgraph);
    if (ggml_graph_size(graph) < (int) limit / 2) return false;
    return notes<GraphNote>().with(graph, [&](GraphNote & note) {
        for (int n = ggml_graph_n_nodes(graph); note.n_nodes < n; note.n_nodes++) {
            note.nodes.insert(ggml_graph_node(graph, note.n_nodes));
        }
        std::unordered_set<const ggml_tensor *> seen{tensor};
        std::vector<std::pair<const ggml_tensor *, int>> path{{tensor, 0}};
        while (!path.empty()) {
            if (path.size() > limit) return true;
            if (path.back().second == GGML_MAX_SRC) {
                path.pop_back();
                continue;
            }
            const ggml_tensor * source = path.back().first->src[path.back().second++];
            if (source && !note.nodes.count(source) && seen.insert(source).second) path.push_back({source, 0});
        }
        return false;
    });
}
inline void note_cleared(const ggml_cgraph * graph) {
    notes<GraphNote>().with(graph, [](GraphNote & note) {
        note.nodes.clear();
        note.n_nodes = 0;
    });
}

inline bool all_tensors(Call & call, const char * argument, ggml_tensor * const * tensors, int n) {
    for (int i = 0; i < n; i++) {
        if (!tensors[i]) {
            call.fail(LLAMACFFI_ERROR_ARGUMENT, argument, "[" + std::to_string(i) + "] is NULL");
            return false;
        }
        if (!call.check_tensor(argument, tensors[i], TensorUse::look)) return false;
    }
    return true;
}

inline std::string said(const ggml_tensor * node) {
    return std::string(node->name) + " (" + ggml_op_name(node->op) + ")";
}

// A graph's nodes, until one fails.
template <class F> bool each_computed(const ggml_cgraph * cgraph, F look) {
    ggml_cgraph * graph = const_cast<ggml_cgraph *>(cgraph);
    for (int i = 0, n = ggml_graph_n_nodes(graph); i < n; i++) {
        const ggml_tensor * node = ggml_graph_node(graph, i);
        if (!look(node)) return false;
    }
    return true;
}

inline bool is_computed(const ggml_tensor * node) {
#ifdef LLAMACFFI_HAS_GGML_TENSOR_FLAG_COMPUTE  // else all are
    if (!(node->flags & GGML_TENSOR_FLAG_COMPUTE)) return false;
#endif
    return !kernels::is_view(node) && !ggml_is_empty(node);
}

// A graph holds addresses only: of tensors in any context, with data in any buffer.
inline bool lives(Call & call, const char * argument, const ggml_cgraph * cgraph) {
    const auto living = [&](const ggml_tensor * tensor) {
        if (!tensor) return true;
        if (!call.check_tensor(argument, tensor, TensorUse::look)) return false;
        return !tensor->view_src || call.check_tensor(argument, tensor->view_src, TensorUse::look);
    };
    for (int i = 0; i < llamacffi_n_leafs(cgraph); i++)
        if (!living(llamacffi_leaf(cgraph, i))) return false;
    return each_computed(cgraph, [&](const ggml_tensor * node) {
        if (!living(node)) return false;
        for (const ggml_tensor * source : node->src)
            if (!living(source)) return false;
        return true;
    });
}

// Whether the kernels take each operation's types and strides.
inline bool is_for_kernels(Call & call, const char * argument, const ggml_cgraph * cgraph) {
    return each_computed(cgraph, [&](const ggml_tensor * node) {
        if (!is_computed(node) || kernels::take(node)) return true;
        std::string text = "the CPU has no kernel for " + said(node) + " with";
        for (const ggml_tensor * source : node->src) {
            if (!source) continue;
            text += std::string(source == node->src[0] ? " " : ", ") + ggml_type_name(source->type);
            if (!kernels::packed(source)) text += " (not contiguous)";
        }
        call.fail(LLAMACFFI_ERROR_ARGUMENT, argument, text + " to " + ggml_type_name(node->type));
        return false;
    });
}

// Why a tensor's data can't be touched by the CPU, NULL if it can.
inline const char * data_problem(const ggml_tensor * tensor) {
    if (ggml_is_empty(tensor)) return nullptr;
    if (!tensor->data) return "has no data: allocate it first";
    const ggml_backend_buffer * buffer = buffer_of(tensor);
    if (!buffer) return nullptr;
    if (dead(buffer)) return "has its data in a ggml_backend_buffer that was freed";
    ggml_backend_buffer_t it = const_cast<ggml_backend_buffer *>(buffer);
    const ggml_backend_dev_t device = ggml_backend_buft_get_device(ggml_backend_buffer_get_type(it));
    const bool of_cpu = device && ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
    if (!of_cpu && !ggml_backend_buffer_is_host(it)) {
        return "is in the memory of a device: compute it with that device's backend";
    }
    const char * base = (const char *) ggml_backend_buffer_get_base(it), * data = (const char *) tensor->data;
    if (data < base || data + ggml_nbytes(tensor) > base + ggml_backend_buffer_get_size(it)) {
        return "lies outside of its buffer: it was allocated in one that has been freed since";
    }
    return nullptr;
}

// ggml_im2col's kernels need the first source's shape only.
inline bool is_shape_only(const ggml_tensor * node, int source) {
    const char * op = ggml_op_name(node->op);
    if (!std::strcmp(op, "IM2COL_BACK")) return source == 1;
    return source == 0 && (!std::strcmp(op, "IM2COL") || !std::strcmp(op, "IM2COL_3D"));
}

inline bool has_data(Call & call, const char * argument, const ggml_cgraph * cgraph) {
    return each_computed(cgraph, [&](const ggml_tensor * node) {
        if (!is_computed(node)) return true;
        for (int i = -1; i < GGML_MAX_SRC; i++) {
            const ggml_tensor * tensor = i < 0 ? node : node->src[i];
            const char * problem = tensor ? data_problem(tensor) : nullptr;
            if (!problem || (i >= 0 && is_shape_only(node, i))) continue;
            const std::string of = i < 0 ? "" : ", a source of " + said(node) + ",";
            const bool freed = std::strstr(problem, "freed");
            const std::string text = said(tensor) + of + " " + problem;
            call.fail(freed ? LLAMACFFI_ERROR_FREED : LLAMACFFI_ERROR_ARGUMENT, argument, text);
            return false;
        }
        return true;
    });
}

// Which source of an operation numbers the rows of which other one, or of the result: the kernels assert the numbers'
// range on the threads, and ggml_mul_mat_id's and ggml_ssm_scan's not even that.
struct RowNumbers {
    const char * op;
    int numbers, rows, dimension;  // rows -1: the result's
};
inline const RowNumbers row_numbers[] = {
    {"GET_ROWS", 1, 0, 1}, {"GET_ROWS_BACK", 1, -1, 1}, {"SET_ROWS", 1, -1, 1},
    {"ADD_ID", 2, 1, 1},   {"MUL_MAT_ID", 2, 0, 2},     {"SSM_SCAN", 6, 0, 3},
};

inline bool are_below(const ggml_tensor * numbers, int64_t limit, int64_t & bad) {
    for (int64_t i3 = 0; i3 < numbers->ne[3]; i3++)
        for (int64_t i2 = 0; i2 < numbers->ne[2]; i2++)
            for (int64_t i1 = 0; i1 < numbers->ne[1]; i1++)
                for (int64_t i0 = 0; i0 < numbers->ne[0]; i0++) {
                    const char * row = (const char *) numbers->data + i1 * numbers->nb[1] + i2 * numbers->nb[2];
                    const char * at = row + i0 * numbers->nb[0] + i3 * numbers->nb[3];
                    bad = numbers->type == GGML_TYPE_I64 ? *(const int64_t *) at : *(const int32_t *) at;
                    if (bad < 0 || bad >= limit) return false;
                }
    return true;
}

// Numbers that are there before the graph runs; those that it computes can't be known.
inline bool has_rows(Call & call, const char * argument, const ggml_cgraph * cgraph) {
    return each_computed(cgraph, [&](const ggml_tensor * node) {
        if (!is_computed(node)) return true;
        for (const RowNumbers & each : row_numbers) {
            if (std::strcmp(ggml_op_name(node->op), each.op)) continue;
            const ggml_tensor * numbers = node->src[each.numbers];
            const ggml_tensor * base = numbers->view_src ? numbers->view_src : numbers;
            const int64_t limit = (each.rows < 0 ? node : node->src[each.rows])->ne[each.dimension];
            int64_t bad = 0;
            if (!kernels::is_view(numbers) || base->op != GGML_OP_NONE || !numbers->data || !is_host(numbers)) continue;
            if (are_below(numbers, limit, bad)) continue;
            const bool kept = each_computed(cgraph, [&](const ggml_tensor * other) {
                return kernels::is_view(other) || other->view_src != base;
            });
            if (!kept) continue;  // by the time they are used, others are there
            const std::string text = said(node) + " is given the number " + std::to_string(bad) + " where there are ";
            call.fail(LLAMACFFI_ERROR_ARGUMENT, argument, text + std::to_string(limit) + " rows");
            return false;
        }
        return true;
    });
}

inline bool is_computable(Call & call, const char * argument, const ggml_cgraph * cgraph) {
    return lives(call, argument, cgraph) && is_for_kernels(call, argument, cgraph) &&
        has_data(call, argument, cgraph) && has_rows(call, argument, cgraph);
}

inline bool is_on_cpu(ggml_backend_t backend) {
    const ggml_backend_dev_t device = ggml_backend_get_device(backend);
    return device && ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU;
}

// ---- threads

// The number of threads of a threadpool: with OpenMP a larger team writes behind its workers.
struct PoolNote {
    int n_threads = 0;
};
inline bool are_threads(int n_threads) { return n_threads <= GGML_MAX_N_THREADS; }
inline bool has_threads(const ggml_threadpool * pool, int n_threads) {
    const int known = pool ? notes<PoolNote>().read(pool).n_threads : 0;
    return known == 0 || n_threads <= known;
}

// What the CPU backend was told last, which it has no function for.
struct CpuNote {
    int n_threads = GGML_DEFAULT_N_THREADS;
    ggml_threadpool * pool = nullptr;
};
inline void note_threads(ggml_backend_t backend, int n_threads) {
    CpuNote setup = notes<CpuNote>().read(backend);
    setup.n_threads = n_threads;
    notes<CpuNote>().write(backend, setup);
}
inline void note_pool(ggml_backend_t backend, ggml_threadpool * pool) {
    CpuNote setup = notes<CpuNote>().read(backend);
    if (setup.pool) forgets(backend, setup.pool);
    if (pool) uses_too(backend, pool);
    setup.pool = pool;
    notes<CpuNote>().write(backend, setup);
}
inline bool has_its_threads(ggml_backend_t backend) {
    const CpuNote setup = notes<CpuNote>().read(backend);
    return !setup.pool || has_threads(setup.pool, setup.n_threads);
}

// The threadpools that a call computes with: they do one graph at a time.
class PoolUse {
  public:
    bool take(Call & call, const char * argument, const ggml_threadpool * pool, int n_threads) {
        if (!pool) return true;
        if (!has_threads(pool, n_threads)) {
            call.fail(LLAMACFFI_ERROR_ARGUMENT, argument, "computes with more threads than its threadpool has");
            return false;
        }
        uses_.emplace_back();
        return uses_.back().lock(call, argument, pool);
    }
    bool take(Call & call, const char * argument, ggml_backend_t backend) {
        const CpuNote note = notes<CpuNote>().read(backend);
        return take(call, argument, note.pool, note.n_threads);
    }

  private:
    std::list<Use> uses_;
};

// A plan's threadpool, and the memory to work in.
inline bool is_plan_alive(Call & call, const ggml_cplan * cplan) {
    return !cplan->threadpool || call.look("cplan", cplan->threadpool);
}

// ---- ggml-alloc.h

struct GallocNote {
    std::vector<ggml_backend_buffer_type_t> bufts;
    bool backed = true;  // whether what was reserved has been allocated
};
inline void note_galloc(ggml_gallocr_t galloc, ggml_backend_buffer_type_t * bufts, int n_bufs) {
    notes<GallocNote>().write(galloc, {std::vector<ggml_backend_buffer_type_t>(bufts, bufts + n_bufs), true});
}
// ggml_gallocr_alloc_graph would use buffers that a mere calculation, or a failure, has let go.
inline void note_backed(ggml_gallocr_t galloc, bool backed) {
    GallocNote note = notes<GallocNote>().read(galloc);
    note.backed = backed;
    notes<GallocNote>().write(galloc, note);
}
inline bool has_buffers(ggml_gallocr_t galloc, const size_t * sizes) {
    const GallocNote note = notes<GallocNote>().read(galloc);
    for (size_t i = 0; i < note.bufts.size(); i++) {
        bool again = false;
        for (size_t j = 0; j < i; j++) again = again || note.bufts[j] == note.bufts[i];
        if (!again && sizes[i] && ggml_gallocr_get_buffer_size(galloc, (int) i) == 0) return false;
    }
    return true;
}

// ggml_gallocr_reserve_n asserts that the numbers are not negative, and no more.
inline bool are_buffer_ids(ggml_gallocr_t galloc, const ggml_cgraph * cgraph, const int * ids, bool leafs) {
    const size_t n_bufs = notes<GallocNote>().read(galloc).bufts.size();
    if (!ids || n_bufs == 0) return true;
    ggml_cgraph * graph = const_cast<ggml_cgraph *>(cgraph);
    const size_t count = (size_t) (leafs ? llamacffi_n_leafs(graph) : ggml_graph_n_nodes(graph));
    if (!readable(ids, count * sizeof *ids)) return false;
    for (size_t i = 0; i < count; i++)
        if (ids[i] < 0 || (size_t) ids[i] >= n_bufs) return false;
    return true;
}

// The buffers of a graph allocator are freed with it.
inline void own_buffers(ggml_gallocr_t galloc, const ggml_cgraph * cgraph) {
    const auto own = [&](const ggml_tensor * tensor) {
        ggml_backend_buffer_t buffer = tensor->buffer;
        if (!buffer || known(buffer)) return;
        if (ggml_backend_buffer_get_usage(buffer) == GGML_BACKEND_BUFFER_USAGE_COMPUTE) made(buffer, part_of(galloc));
    };
    for (int i = 0; i < llamacffi_n_leafs(cgraph); i++) own(llamacffi_leaf(cgraph, i));
    each_computed(cgraph, [&](const ggml_tensor * node) {
        own(node);
        return true;
    });
}

inline bool are_buffer_types(const ggml_backend_buffer_type_t * bufts, int n_bufs) {
    for (int i = 0; i < n_bufs; i++)
        if (!bufts[i]) return false;
    return true;
}

}  // namespace llamacffi
