// What the CPU's kernels take: what ggml-cpu asserts about an operation, or does not even look at, once threads compute
// it, where no failure can be caught. Told by the operations' names, so that a release without one compiles, too.
#pragma once
#include "api.h"
#include <cstdint>
#include <cstring>


namespace llamacffi {
namespace kernels {

using Tensor = const ggml_tensor *;

constexpr uint64_t type(ggml_type of) { return UINT64_C(1) << of; }
constexpr uint64_t f32 = type(GGML_TYPE_F32), f16 = type(GGML_TYPE_F16), bf16 = type(GGML_TYPE_BF16);
constexpr uint64_t i8 = type(GGML_TYPE_I8), i16 = type(GGML_TYPE_I16), i32 = type(GGML_TYPE_I32);
constexpr uint64_t floats = f32 | f16 | bf16;
// Quantized on the way only: no kernel takes them as weights.
constexpr uint64_t activations = type(GGML_TYPE_Q8_1) | type(GGML_TYPE_Q8_K);
// Those that type_traits_cpu has no from_float for.
constexpr uint64_t unwritable = type(GGML_TYPE_IQ2_XXS) | type(GGML_TYPE_IQ2_XS) | type(GGML_TYPE_IQ2_S) |
    type(GGML_TYPE_IQ3_XXS) | type(GGML_TYPE_IQ3_S) | type(GGML_TYPE_IQ1_S) | type(GGML_TYPE_IQ1_M);

inline bool is(Tensor t, uint64_t types) { return types >> t->type & 1; }
inline bool is_weight(Tensor t) { return is(t, floats) || (ggml_is_quantized(t->type) && !is(t, activations)); }
inline bool is_quantized(Tensor t) { return ggml_is_quantized(t->type) && !is(t, activations); }
inline bool is_writable(Tensor t) { return is(t, floats | i32) || (ggml_is_quantized(t->type) && !is(t, unwritable)); }

// The elements of a row lie side by side.
inline bool packed(Tensor t) { return t->nb[0] == ggml_type_size(t->type); }
// And all rows lie one distance apart, so that a loop over ggml_nrows() times nb[1] stays inside.
inline bool even(Tensor t) {
    return packed(t) && (size_t) ((ggml_nrows(t) - 1) * t->nb[1] + ggml_row_size(t->type, t->ne[0])) <= ggml_nbytes(t);
}

// The type that the other factor of a product is turned into: type_traits_cpu's vec_dot_type.
inline ggml_type factor_of(Tensor t) {
    if (is(t, floats)) return t->type;
    if (is(t, type(GGML_TYPE_Q4_1) | type(GGML_TYPE_Q5_1))) return GGML_TYPE_Q8_1;
    return ggml_blck_size(t->type) == ggml_blck_size(GGML_TYPE_Q8_K) ? GGML_TYPE_Q8_K : GGML_TYPE_Q8_0;
}

inline bool element_wise(Tensor n) {
    Tensor a = n->src[0];
    return is(a, floats) && (n->type == a->type || n->type == GGML_TYPE_F32) && packed(a) && packed(n);
}

// ggml-cpu/binary-ops.cpp
inline bool pair_wise(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    if (!packed(a) || !packed(n) || !is(a, floats) || !(b->type == a->type || b->type == GGML_TYPE_F32)) return false;
    return n->type == a->type || (n->type == GGML_TYPE_F32 && b->type == GGML_TYPE_F32);
}

inline bool add(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    if (!is_quantized(a)) return pair_wise(n);
    return b->type == GGML_TYPE_F32 && ggml_are_same_shape(a, b) && packed(a) && packed(b) && is_writable(n) &&
        n->nb[0] <= n->nb[1] &&
        n->nb[1] <= n->nb[2] && n->nb[2] <= n->nb[3];
}

inline bool add1(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    if (!packed(a) || !packed(n) || n->type != a->type) return false;
    if (b->type == GGML_TYPE_F32) return is(a, floats) || (is_quantized(a) && is_writable(a));
    return b->type == a->type && is(a, f16 | bf16);
}

// ggml_compute_forward_dup
inline bool copy(Tensor n) {
    Tensor a = n->src[0];
    if (a->type == n->type) return true;
    if (is(a, floats)) {
        if (is(n, floats) || (is(a, f32) && is(n, i32))) return true;
        return ggml_is_quantized(n->type) && is_writable(n) && packed(a) && ggml_is_contiguous(n) &&
            a->ne[0] % ggml_blck_size(n->type) == 0;
    }
    if (is(a, i32)) return is(n, f32);
    return is_quantized(a) && is(n, f32) && n->src[1] && packed(n->src[1]) &&
        (n->src[1]->ne[0] % ggml_blck_size(a->type) == 0 || ggml_is_contiguous(n));
}

inline bool unary(Tensor n) {
    const char * op = ggml_unary_op_name(ggml_get_unary_op(n));
    return element_wise(n) && (std::strcmp(op, "XIELU") || ggml_is_contiguous_1(n->src[0]));
}

inline bool gated(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    const char * op = ggml_glu_op_name(ggml_get_glu_op(n));
    const uint64_t types = !std::strcmp(op, "SWIGLU_OAI") ? f32 : !std::strcmp(op, "SWIGLU_CLAMP") ? f32 | f16 : floats;
    return is(a, types) && packed(a) && even(a) && (!b || (packed(b) && even(b)));
}

inline bool product(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    if (!is_weight(a) || !packed(a) || !packed(b)) return false;
    const bool hadamard = n->op_params[1] == 1;  // GGML_HINT_SRC0_IS_HADAMARD
    if (hadamard) return is(b, f32 | f16) && (b->ne[0] & (b->ne[0] - 1)) == 0;
    return is(b, f32) || b->type == factor_of(a) || (is(a, f32) && is(b, f16 | bf16));
}

inline bool product_by_id(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    return is_weight(a) && packed(a) && packed(b) && (is(b, f32) || b->type == factor_of(a));
}

inline bool outer_product(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    const bool same = a->ne[2] == b->ne[2] && a->ne[3] == b->ne[3];
    return packed(a) && is(b, f32) && is(n, f32) && (is(a, f32) || (same && (is(a, f16) || is_quantized(a))));
}

// Where no dimension turns, the loop over those that stay has no end.
inline bool rotation(Tensor n) {
    Tensor a = n->src[0], factors = n->src[2];
    const int32_t dims = n->op_params[1], mode = n->op_params[2], offset = n->op_params[15];
    const int32_t * sections = n->op_params + 11;
    if (!is(a, f32 | f16) || !packed(a) || !packed(n)) return false;
    if (dims <= 0 || dims % 2 || offset < 0 || offset % 2 || (int64_t) offset + dims > a->ne[0]) return false;
    if (factors && (!is(factors, f32) || factors->ne[0] < dims / 2)) return false;
    if (mode == GGML_ROPE_TYPE_VISION && (dims != a->ne[0] / 2 || offset)) return false;
    if (!(mode & GGML_ROPE_TYPE_MROPE)) return mode == GGML_ROPE_TYPE_NORMAL || mode == GGML_ROPE_TYPE_NEOX;
    int64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        if (sections[i] < 0) return false;
        sum += sections[i];
    }
    return sections[0] + sections[1] + sections[2] > 0 && sum <= a->ne[0];
}

inline bool attention(Tensor n) {
    Tensor q = n->src[0], k = n->src[1], v = n->src[2];
    return is(q, f32) && is_weight(k) && is_weight(v) && packed(q) && packed(k) && packed(v) &&
        (n->op_params[3] == 0 || n->op_params[3] == 10);
}

inline bool windows(Tensor n) {  // im2col
    Tensor b = n->src[1];
    return packed(b) && ((is(n, f32) && is(b, f32)) || (is(n, f16) && is(b, f32 | f16)));
}

inline bool windows_3d(Tensor n) { return is(n, f32 | f16) && is(n->src[1], f32) && packed(n->src[1]); }

// Both work in blocks of a buffer of 16 MiB, GGML_IM2COL_WORK_SIZE.
inline bool convolution(Tensor n) {
    Tensor kernel = n->src[0], a = n->src[1];
    const bool is_3d = !std::strcmp(ggml_op_name(n->op), "CONV_3D");
    if (!is(kernel, f32 | f16) || !ggml_is_contiguous(kernel) || !is(a, f32) || !is(n, f32)) return false;
    const int64_t inputs = kernel->ne[0] * kernel->ne[1] * kernel->ne[2] * (is_3d ? n->op_params[9] : 1);
    const int64_t outputs = is_3d ? n->op_params[11] : kernel->ne[3];
    return inputs * (int64_t) ggml_type_size(kernel->type) + outputs * (int64_t) sizeof(float) <= 16 * 1024 * 1024;
}

inline bool depth_wise(Tensor n) {
    Tensor kernel = n->src[0], a = n->src[1];
    return is(kernel, f32 | f16) && ggml_is_contiguous(kernel) && is(a, f32) &&
        (ggml_is_contiguous(a) || ggml_is_contiguous_channels(a));
}

inline bool transposed_1d(Tensor n) {
    Tensor kernel = n->src[0], a = n->src[1];
    return is(kernel, f32 | f16) && is(a, f32) && packed(kernel) && packed(a) && kernel->ne[3] == 1 &&
        a->ne[2] == 1 && a->ne[3] == 1;
}

inline bool concatenation(Tensor n) {
    Tensor a = n->src[0], b = n->src[1];
    if (is(a, floats | i8 | i16 | i32)) return true;
    return ggml_is_contiguous_rows(a) && ggml_is_contiguous_rows(b);
}

inline bool all_f32(Tensor n) {
    for (Tensor source : n->src)
        if (source && !is(source, f32)) return false;
    return true;
}

inline bool has_function(Tensor n) {  // ggml_map_custom*_op_params and ggml_custom_op_params begin with it
    void * function;
    std::memcpy(&function, n->op_params, sizeof function);
    return function;
}

inline bool f32_only(Tensor n) { return is(n->src[0], f32); }
inline bool f32_packed(Tensor n) { return is(n->src[0], f32) && packed(n->src[0]); }
inline bool f32_even(Tensor n) { return is(n->src[0], f32) && even(n->src[0]); }
inline bool f32_contiguous(Tensor n) { return is(n->src[0], f32) && ggml_is_contiguous(n->src[0]); }

inline bool is_inplace(Tensor n) {
    return n->view_src && n->view_src == (n->src[0]->view_src ? n->src[0]->view_src : n->src[0]);
}

inline bool diagonal_mask(Tensor n) {
    Tensor a = n->src[0];
    if (!is(a, f32) || !packed(a) || !packed(n)) return false;
    return is_inplace(n) ? (a->ne[3] == 1 || (size_t) a->ne[2] * a->nb[2] <= a->nb[3]) : ggml_is_contiguous(a);
}

// The kernel goes from plane to plane until the data ends.
inline bool pool_2d(Tensor n) {
    Tensor a = n->src[0];
    if (!is(a, f32 | f16) || !packed(a) || (a->ne[3] != 1 && a->nb[3] != (size_t) a->ne[2] * a->nb[2])) return false;
    return ggml_is_matrix(a) || (size_t) (a->ne[1] - 1) * a->nb[1] + ggml_row_size(a->type, a->ne[0]) <= a->nb[2];
}

// What keeps a norm's divisor from 0, which is not negative, nor no number.
inline bool is_epsilon(Tensor n) {
    float epsilon;
    std::memcpy(&epsilon, n->op_params, sizeof epsilon);
    return epsilon >= 0;
}

// The kernel counts the rows of others wrongly, and reads behind them.
inline bool is_cube(Tensor t) { return t->ne[3] == 1 && t->ne[1] == t->ne[2]; }

struct Kernel {
    const char * op;
    int sources;
    bool (*takes)(Tensor n);
};

inline const Kernel all[] = {
    {"DUP", 1, copy},
    {"CPY", 1, copy},
    {"CONT", 1, copy},
    {"ADD", 2, add},
    {"SUB", 2, pair_wise},
    {"MUL", 2, pair_wise},
    {"DIV", 2, pair_wise},
    {"ADD1", 2, add1},
    {"ADD_ID", 3, [](Tensor n) {
        return is(n->src[0], f32) && is(n->src[1], f32) && packed(n->src[0]) && packed(n->src[1]);
    }},
    {"ACC", 2, [](Tensor n) {
        return is(n->src[0], f32) && packed(n->src[1]) && ggml_is_contiguous(n) && !ggml_is_empty(n->src[1]);
    }},
    {"SQR", 1, element_wise},
    {"SQRT", 1, element_wise},
    {"LOG", 1, element_wise},
    {"SIN", 1, element_wise},
    {"COS", 1, element_wise},
    {"SUM", 1, [](Tensor n) { return is(n->src[0], floats) && packed(n->src[0]); }},
    {"SUM_ROWS", 1, f32_packed},
    {"CUMSUM", 1, f32_packed},
    {"MEAN", 1, f32_packed},
    {"ARGMAX", 1, f32_packed},
    {"COUNT_EQUAL", 2, [](Tensor n) {
        return is(n->src[0], i32) && is(n->src[1], i32) && (ggml_is_matrix(n->src[0]) || is_cube(n->src[0]));
    }},
    {"REPEAT", 1, [](Tensor n) {
        return is(n->src[0], floats | i16 | i32) && packed(n->src[0]) && !ggml_is_empty(n->src[0]);
    }},
    {"REPEAT_BACK", 1, f32_packed},
    {"CONCAT", 2, concatenation},
    {"SILU_BACK", 2, [](Tensor n) {
        return is(n->src[0], f32 | f16) && n->src[1]->type == n->src[0]->type && even(n->src[0]) && even(n->src[1]);
    }},
    {"NORM", 1, [](Tensor n) { return f32_only(n) && is_epsilon(n); }},
    {"RMS_NORM", 1, [](Tensor n) { return f32_packed(n) && is_epsilon(n); }},
    {"RMS_NORM_BACK", 2, [](Tensor n) { return f32_packed(n) && is(n->src[1], f32) && packed(n->src[1]); }},
    {"GROUP_NORM", 1, [](Tensor n) { return f32_packed(n) && n->op_params[0] > 0; }},
    {"L2_NORM", 1, [](Tensor n) { return f32_only(n) && is_epsilon(n); }},
    {"MUL_MAT", 2, product},
    {"MUL_MAT_ID", 3, product_by_id},
    {"OUT_PROD", 2, outer_product},
    {"SCALE", 1, [](Tensor n) { return is(n->src[0], f32 | bf16) && ggml_is_contiguous(n->src[0]); }},
    {"SET", 2, [](Tensor n) {
        return is(n->src[0], f32 | i32) && n->src[1]->type == n->src[0]->type && packed(n->src[1]) &&
            ggml_is_contiguous(n->src[0]);
    }},
    {"GET_ROWS", 2, [](Tensor n) { return (is_weight(n->src[0]) || is(n->src[0], i32)) && packed(n->src[0]); }},
    {"GET_ROWS_BACK", 2, [](Tensor n) { return is(n->src[0], f32 | f16) && packed(n->src[0]); }},
    {"SET_ROWS", 2, [](Tensor n) { return is(n->src[0], f32 | f16) && packed(n->src[0]) && is_writable(n); }},
    {"DIAG", 1, f32_packed},
    {"DIAG_MASK_INF", 1, diagonal_mask},
    {"DIAG_MASK_ZERO", 1, diagonal_mask},
    {"SOFT_MAX", 1, f32_contiguous},
    {"SOFT_MAX_BACK", 2, [](Tensor n) {
        return all_f32(n) && ggml_is_contiguous(n->src[0]) && ggml_is_contiguous(n->src[1]) && n->op_params[1] == 0;
    }},
    {"ROPE", 2, rotation},
    {"ROPE_BACK", 2, rotation},
    {"CLAMP", 1, [](Tensor n) { return is(n->src[0], f32 | f16) && even(n->src[0]) && even(n); }},
    {"CONV_TRANSPOSE_1D", 2, transposed_1d},
    {"IM2COL", 2, windows},
    {"IM2COL_BACK", 2, [](Tensor n) {
        return is(n->src[0], f32) && is(n->src[1], f32 | f16) && ggml_is_contiguous(n->src[0]);
    }},
    {"IM2COL_3D", 2, windows_3d},
    {"CONV_2D", 2, convolution},
    {"CONV_3D", 2, convolution},
    {"CONV_2D_DW", 2, depth_wise},
    {"CONV_TRANSPOSE_2D", 2, [](Tensor n) {
        return is(n->src[0], f32 | f16) && is(n->src[1], f32) && packed(n->src[0]) && packed(n->src[1]);
    }},
    {"POOL_1D", 1, [](Tensor n) { return is(n->src[0], f32 | f16) && even(n->src[0]); }},
    {"POOL_2D", 1, pool_2d},
    {"POOL_2D_BACK", 2, [](Tensor n) {
        return all_f32(n) && ggml_is_contiguous(n->src[0]) && ggml_is_contiguous(n->src[1]);
    }},
    {"UPSCALE", 1, [](Tensor n) { return is(n->src[0], f32) && !ggml_is_empty(n->src[0]); }},
    {"PAD", 1, f32_only},
    {"ROLL", 1, f32_packed},
    {"TIMESTEP_EMBEDDING", 1, f32_packed},
    {"ARGSORT", 1, f32_even},
    {"TOP_K", 1, f32_even},
    {"LEAKY_RELU", 1, [](Tensor n) { return is(n->src[0], f32 | f16) && even(n->src[0]) && even(n); }},
    {"FLASH_ATTN_EXT", 3, attention},
    {"SSM_CONV", 2, [](Tensor n) {
        return all_f32(n) && packed(n->src[0]) && packed(n->src[1]) &&
            n->src[0]->nb[1] == n->src[0]->ne[0] * sizeof(float);
    }},
    {"SSM_SCAN", 7, [](Tensor n) {
        for (int i = 0; i < 6; i++)
            if (!is(n->src[i], f32) || !packed(n->src[i])) return false;
        return packed(n->src[6]);
    }},
    {"WIN_PART", 1, f32_contiguous},
    {"WIN_UNPART", 1, f32_contiguous},
    {"GET_REL_POS", 1, [](Tensor n) { return is(n->src[0], f16 | bf16) && ggml_is_contiguous(n->src[0]); }},
    {"ADD_REL_POS", 3, f32_only},
    {"RWKV_WKV6", 6, all_f32},
    // the longest step of the kernel
    {"RWKV_WKV7", 7, [](Tensor n) {
        return all_f32(n) && n->src[0]->ne[0] % 64 == 0;
    }},
    {"GATED_LINEAR_ATTN", 5, all_f32},
    {"GATED_DELTA_NET", 6, all_f32},
    {"LIGHTNING_INDEXER", 4, [](Tensor n) {
        return packed(n->src[0]) && packed(n->src[1]) && packed(n->src[2]) && packed(n->src[3]) && is_weight(n->src[1]);
    }},
    {"UNARY", 1, unary},
    {"GLU", 1, gated},
    {"MAP_CUSTOM1", 1, has_function},
    {"MAP_CUSTOM2", 2, has_function},
    {"MAP_CUSTOM3", 3, has_function},
    {"CUSTOM", 0, has_function},
    {"CROSS_ENTROPY_LOSS", 2, [](Tensor n) { return all_f32(n) && even(n->src[0]) && even(n->src[1]); }},
    {"CROSS_ENTROPY_LOSS_BACK", 3, [](Tensor n) {
        return all_f32(n) && ggml_is_contiguous(n->src[0]) && ggml_is_contiguous(n->src[1]) &&
            ggml_is_contiguous(n->src[2]);
    }},
    {"OPT_STEP_ADAMW", 5, [](Tensor n) { return all_f32(n) && packed(n->src[0]); }},
    {"OPT_STEP_SGD", 3, [](Tensor n) { return all_f32(n) && packed(n->src[0]); }},
};

// Operations that are nothing to do.
inline bool is_view(Tensor n) {
    return n->op == GGML_OP_NONE || n->op == GGML_OP_RESHAPE || n->op == GGML_OP_VIEW || n->op == GGML_OP_PERMUTE ||
        n->op == GGML_OP_TRANSPOSE;
}

struct ByOp {
    const Kernel * kernels[GGML_OP_COUNT] = {};
    ByOp() {
        for (int op = 0; op < GGML_OP_COUNT; op++)
            for (const Kernel & each : all)
                if (!std::strcmp(ggml_op_name((ggml_op) op), each.op)) kernels[op] = &each;
    }
};

// Whether the CPU can compute this; what it has no rule for, it can.
inline bool take(Tensor n) {
    static const ByOp by_op;
    const Kernel * kernel = by_op.kernels[n->op];
    if (!kernel) return true;
    for (int i = 0; i < kernel->sources; i++)
        if (!n->src[i]) return false;
    return kernel->takes(n);
}

}  // namespace kernels
}  // namespace llamacffi
