/* Texts to tokens and back, as vocab.py wants them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "llama.h"

#ifdef __cplusplus
extern "C" {
#endif

/* llama_tokenize for n texts that lie one behind another, each up to its place in `ends`. The tokens lie so, too, up to
 * their places in `token_ends`, in memory that llamacffi_free_tokens frees. How many there are, -1 for a failed call. */
int64_t llamacffi_tokenize_many(const struct llama_vocab *vocab, const char *texts, const int64_t *ends, int64_t n,
    bool add_special, bool parse_special, llama_token **tokens, int64_t *token_ends);
void llamacffi_free_tokens(llama_token *tokens);

/* The pieces of the tokens, one behind another. Of vocabularies that put a space before a text, `strip` takes it away
 * again, here and behind each special token. As llama_detokenize, it returns the number of bytes, or the negative of it
 * if there is no room for them; the least number if the call failed. */
int64_t llamacffi_join(const struct llama_vocab *vocab, const llama_token *tokens, int64_t n, char *text, int64_t room,
    bool special, bool strip);

#ifdef __cplusplus
}
#endif
