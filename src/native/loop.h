/* The loop that makes text: decode, sample, and look whether it is to end, for one sequence or many at once. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

enum llamacffi_stop {
    LLAMACFFI_STOP_NONE, /* it goes on */
    LLAMACFFI_STOP_EOG,  /* the model ended its text */
    LLAMACFFI_STOP_TEXT, /* a stop string or a stop token */
    LLAMACFFI_STOP_LENGTH,
    LLAMACFFI_STOP_CANCELLED,
    LLAMACFFI_STOP_DEADLINE
};

/* One sequence. */
struct llamacffi_sequence {
    /* What the latest step has made: whole characters, without a NUL at the end and no part of a stop string; tokens. */
    const char *text;
    size_t text_size;
    const llama_token *tokens;
    size_t n_tokens;
    llama_pos pos;              /* how many positions the context holds of it */
    int32_t n_prompt;           /* how many tokens of the prompt are yet to be decoded */
    int32_t stop;               /* enum llamacffi_stop */
    int64_t prompt_us, text_us; /* what its prompt has taken, and its text since */
};

struct llamacffi_loop;

/* NULL: the context can't be used; the failure is recorded. */
struct llamacffi_loop *llamacffi_loop_new(struct llama_context *ctx);
void llamacffi_loop_free(struct llamacffi_loop *loop);

/* How a sequence's tokens are chosen: by the sampler, or, if that comes to the same and is quicker, by the members of a
 * chain from `first` on among the `k` likeliest (sampling.h); or by Python. */
struct llamacffi_choice {
    struct llama_sampler *sampler; /* must live on */
    int32_t n_members, first, k;   /* k is 0: llama_sampler_sample */
    int64_t callback;              /* of Python; 0: none */
};

/* Begin a sequence: its first `pos` tokens are held by the context already, and at least one is not. `limit` is the
 * number of positions that it may take, `n_predict` the number of tokens to make, 0 for the prompt alone. The sampler
 * gets to see all of the tokens. NULL: the failure is recorded. */
struct llamacffi_sequence *llamacffi_loop_add(struct llamacffi_loop *loop, llama_seq_id seq, const llama_token *tokens,
    int32_t n_tokens, llama_pos pos, const struct llamacffi_choice *choice, int32_t n_predict, llama_pos limit,
    bool ignore_eog);
void llamacffi_loop_stop_text(struct llamacffi_sequence *sequence, const char *text, size_t size);
void llamacffi_loop_stop_token(struct llamacffi_sequence *sequence, llama_token token);
/* Forget a sequence; the context keeps its tokens. */
void llamacffi_loop_remove(struct llamacffi_loop *loop, struct llamacffi_sequence *sequence);

/* Guess up to `n_draft` tokens ahead with a smaller model that has the same vocabulary; for a single sequence. */
void llamacffi_loop_draft(struct llamacffi_loop *loop, struct llama_context *draft, int32_t n_draft);

/* Go on until `n_tokens` have been made in a sequence, or, if that is 0, until there are some and `us` have passed; a
 * batch of a prompt, and the end of a sequence, end the step as well. 0 if all is well; -1: the failure is
 * recorded; otherwise what llama_decode returned, one less if that is negative. */
int32_t llamacffi_loop_step(struct llamacffi_loop *loop, int32_t n_tokens, int64_t us);

/* From any thread: all sequences end as soon as they can. */
void llamacffi_loop_cancel(struct llamacffi_loop *loop);
/* So many microseconds from now; negative for never. */
void llamacffi_loop_deadline(struct llamacffi_loop *loop, int64_t us);

#ifdef __cplusplus
}
#endif
