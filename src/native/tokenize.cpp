#include "api.h"
#include "tokenize.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>

#include "callbacks.hpp"
#include <checks/llama.hpp>  // as header_gen has left it
#include "guard.hpp"

using namespace llamacffi;

namespace {

// Memory for tokens that grows: what std::vector would do, without setting it to zero first.
class Tokens {
  public:
    Tokens() = default;
    Tokens(const Tokens &) = delete;
    ~Tokens() { std::free(data_); }

    // The place behind the tokens that there are, with room for more.
    llama_token * room_for(size_t more) {
        if (size_ + more > capacity_) {
            const size_t capacity = std::max(size_ + more, capacity_ + capacity_ / 2);
            void * data = std::realloc(data_, capacity * sizeof(llama_token));
            if (!data) throw std::bad_alloc();
            data_ = (llama_token *) data;
            capacity_ = capacity;
        }
        return data_ + size_;
    }
    void add(size_t n) { size_ += n; }
    size_t size() const { return size_; }
    llama_token * release() { return std::exchange(data_, nullptr); }

  private:
    llama_token * data_ = nullptr;
    size_t size_ = 0, capacity_ = 0;
};

void tokenize_one(Tokens & tokens, const llama_vocab * vocab, const char * text, int32_t length, bool add_special, bool parse_special) {
    int32_t room = length + 4;  // as a rule a token has a byte or more
    for (;;) {
        const int32_t n = tokenize(vocab, text, length, tokens.room_for((size_t) room), room, add_special, parse_special);
        if (n >= 0) return tokens.add((size_t) n);
        if (n == std::numeric_limits<int32_t>::min()) throw std::length_error("more tokens than C can count");
        room = -n;
    }
}

}  // namespace

extern "C" int64_t llamacffi_tokenize_many(const llama_vocab * vocab, const char * texts, const int64_t * ends, int64_t n, bool add_special, bool parse_special, llama_token ** tokens, int64_t * token_ends) {
    Call call("llama_tokenize");
    if (call.refused()) return -1;
    Use use_vocab;
    if (!use_vocab.pin(call, "vocab", vocab)) return -1;
    try {
        Tokens all;
        Poll poll;
        int64_t begin = 0;
        for (int64_t i = 0; i < n; begin = ends[i++]) {
            if (poll.must_stop()) return -1;
            tokenize_one(all, vocab, texts + begin, (int32_t) (ends[i] - begin), add_special, parse_special);
            token_ends[i] = (int64_t) all.size();
        }
        const int64_t size = (int64_t) all.size();
        *tokens = all.release();
        return size;
    } catch (...) { call.caught(); }
    return -1;
}

extern "C" void llamacffi_free_tokens(llama_token * tokens) { std::free(tokens); }

extern "C" int64_t llamacffi_join(const llama_vocab * vocab, const llama_token * tokens, int64_t n, char * text, int64_t room, bool special, bool strip) {
    // What the tokenizers cut a text at, llama_vocab::impl::tokenizer_st_partition.
    const int special_attrs = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_USER_DEFINED | LLAMA_TOKEN_ATTR_UNKNOWN;
    Call call("llama_token_to_piece");
    const int64_t failed = std::numeric_limits<int64_t>::min();
    if (call.refused()) return failed;
    Use use_vocab;
    if (!use_vocab.pin(call, "vocab", vocab)) return failed;
    try {
        int64_t size = 0;
        bool strips = strip;
        for (int64_t i = 0; i < n; i++) {
            if (!is_token(vocab, tokens[i])) {
                call.refuse("token", tokens[i], "not a token of this vocabulary");
                return failed;
            }
            const bool is_special = llama_vocab_get_attr(vocab, tokens[i]) & special_attrs;
            const int32_t left = (int32_t) std::min<int64_t>(std::max<int64_t>(room - size, 0), std::numeric_limits<int32_t>::max());
            const int32_t length = llama_token_to_piece(vocab, tokens[i], left ? text + size : nullptr, left, strips && !is_special, special);
            size += std::abs(length);
            strips = strip && is_special;
        }
        return size <= room ? size : -size;
    } catch (...) { call.caught(); }
    return failed;
}
