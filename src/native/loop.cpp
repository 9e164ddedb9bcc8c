#include "loop.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "guard.hpp"
#include "sampling.h"
#include "stop.hpp"
#include "text.hpp"

// The guards take the functions' places here, too: the loop can't do what a caller from Python could not.
#define GUARDED(name) extern "C" decltype(name) llamacffi_guard_##name
GUARDED(llama_batch_free);
GUARDED(llama_batch_init);
GUARDED(llama_decode);
GUARDED(llama_get_logits_ith);
GUARDED(llama_get_memory);
GUARDED(llama_get_model);
GUARDED(llama_memory_seq_rm);
GUARDED(llama_model_get_vocab);
GUARDED(llama_n_batch);
GUARDED(llama_sampler_accept);
GUARDED(llama_sampler_chain_get);
GUARDED(llama_sampler_chain_n);
GUARDED(llama_sampler_name);
GUARDED(llama_sampler_sample);
GUARDED(llama_token_to_piece);
GUARDED(llama_vocab_is_eog);
GUARDED(llama_vocab_n_tokens);
#undef GUARDED

using namespace llamacffi;

namespace {

using std::chrono::microseconds;

int64_t us_since(Stop::clock::time_point start) {
    return std::chrono::duration_cast<microseconds>(Stop::clock::now() - start).count();
}

// Whether the latest guarded call failed, or a callback of the running one raised.
bool has_failed() {
    const Thread & thread = current();
    return thread.failed || (thread.call() && thread.call()->is_stopping());
}

// The tokens of one call of llama_decode.
class Tokens {
  public:
    Tokens(int32_t most) : most_(most), batch_(llamacffi_guard_llama_batch_init(most, 0, 1)) {}
    Tokens(const Tokens &) = delete;
    ~Tokens() { llamacffi_guard_llama_batch_free(batch_); }

    bool is_valid() const { return batch_.token; }
    int32_t room() const { return most_ - batch_.n_tokens; }
    int32_t size() const { return batch_.n_tokens; }
    void clear() { batch_.n_tokens = 0; }
    // The place of its logits, if it is to have some.
    int32_t add(llama_token token, llama_pos pos, llama_seq_id seq, bool logits) {
        const int32_t i = batch_.n_tokens++;
        batch_.token[i] = token;
        batch_.pos[i] = pos;
        batch_.n_seq_id[i] = 1;
        batch_.seq_id[i][0] = seq;
        batch_.logits[i] = logits;
        return i;
    }
    int32_t decode(llama_context * ctx) const { return llamacffi_guard_llama_decode(ctx, batch_); }

  private:
    int32_t most_;
    llama_batch batch_;
};

bool has_name(const llama_sampler * sampler, const char * name) {
    const char * own = sampler ? llamacffi_guard_llama_sampler_name(sampler) : nullptr;
    return own && !std::strcmp(own, name);
}

// The samplers of a chain, or the one.
std::vector<llama_sampler *> members(llama_sampler * sampler) {
    if (!has_name(sampler, "chain")) return {sampler};
    std::vector<llama_sampler *> all;
    for (int32_t i = 0; i < llamacffi_guard_llama_sampler_chain_n(sampler); i++)
        all.push_back(llamacffi_guard_llama_sampler_chain_get(sampler, i));
    return all;
}

struct Sequence : llamacffi_sequence {
    llama_seq_id seq;
    llamacffi_choice choice;
    bool ignore_eog;
    int32_t n_predict;
    llama_pos limit;
    std::vector<llama_token> prompt;  // what of it is to be decoded
    std::unordered_set<llama_token> stop_tokens;
    TextStream stream;
    std::string shown;
    std::vector<llama_token> made;
    llama_token last = 0;  // made, and not decoded yet
    int32_t row = -1;      // the place of its logits in the batch
    int32_t n_batched = 0;
    Stop::clock::time_point start;

    bool is_going() const { return stop == LLAMACFFI_STOP_NONE; }
    size_t done() const { return prompt.size() - (size_t) n_prompt; }
    void end(llamacffi_stop reason) {
        if (reason != LLAMACFFI_STOP_TEXT) stream.finish(shown);
        stop = reason;
    }
    void clear_made() {
        shown.clear();
        made.clear();
    }
    void publish() {
        text = shown.data();
        text_size = shown.size();
        tokens = made.data();
        n_tokens = made.size();
    }
};

}  // namespace

struct llamacffi_loop {
    llama_context * ctx;
    const llama_vocab * vocab;
    int32_t n_vocab;
    Tokens batch;
    std::vector<std::unique_ptr<Sequence>> sequences;
    Stop stop;
    // Speculative decoding: `draft` holds the first `draft_pos` positions of the sequence, `guesses` are what it has made.
    llama_context * draft = nullptr;
    int32_t n_draft = 0;
    llama_pos draft_pos = 0;
    std::unique_ptr<Tokens> draft_batch;
    std::vector<llama_token> history, guesses;

    llamacffi_loop(llama_context * ctx, const llama_vocab * vocab, int32_t n_batch)
        : ctx(ctx), vocab(vocab), n_vocab(llamacffi_guard_llama_vocab_n_tokens(vocab)), batch(n_batch) {}

    // 0 if all is well.
    int32_t advance(bool & prompts);
    bool fill();
    int32_t decode(llama_context * of, const Tokens & tokens);
    bool take(Sequence & each, llama_token token);
    llama_token sample(Sequence & each, int32_t row);
    int32_t guess(Sequence & each);
    int32_t check_guesses(Sequence & each);
    bool truncate(llama_context * of, llama_seq_id seq, llama_pos from);
    void end_all(llamacffi_stop reason) {
        for (auto & each : sequences)
            if (each->is_going()) each->end(reason);
    }
};

int32_t llamacffi_loop::decode(llama_context * of, const Tokens & tokens) {
    struct Stoppable {
        Thread & thread = current();
        Stoppable(Stop * stop) { thread.stop = stop; }
        ~Stoppable() { thread.stop = nullptr; }
    } stoppable(&stop);
    const int32_t status = tokens.decode(of);
    return has_failed() ? -1 : status < 0 ? status - 1 : status;
}

// The next tokens of all sequences: first those that were made, then of the prompts as much as there is room for.
bool llamacffi_loop::fill() {
    batch.clear();
    for (auto & each : sequences) {
        each->row = -1;
        each->n_batched = 0;
        if (!each->is_going() || each->n_prompt) continue;
        if (each->pos >= each->limit) {
            each->end(LLAMACFFI_STOP_LENGTH);
            continue;
        }
        if (!batch.room()) continue;
        each->row = batch.add(each->last, each->pos, each->seq, true);
        each->n_batched = 1;
    }
    bool prompts = false;
    for (auto & each : sequences) {
        if (!each->is_going() || !each->n_prompt) continue;
        const int32_t n = std::min(batch.room(), each->n_prompt);
        for (int32_t i = 0; i < n; i++) {
            const bool last = i + 1 == each->n_prompt && each->n_predict;
            const int32_t row = batch.add(each->prompt[each->done() + (size_t) i], each->pos + i, each->seq, last);
            if (last) each->row = row;
        }
        each->n_batched = n;
        prompts = prompts || n;
    }
    return prompts;
}

llama_token llamacffi_loop::sample(Sequence & each, int32_t row) {
    const llamacffi_choice & choice = each.choice;
    if (choice.callback) return sample_in_python(choice.callback, row);
    if (choice.k == 1 && choice.n_members == 1 && !choice.first) {  // nothing but greedy
        const float * logits = llamacffi_guard_llama_get_logits_ith(ctx, row);
        if (has_failed()) return LLAMA_TOKEN_NULL;
        if (logits && llamacffi_guard_llama_sampler_chain_n(choice.sampler) == 1) return llamacffi_likeliest(logits, n_vocab);
    } else if (choice.k) {
        const float * logits = llamacffi_guard_llama_get_logits_ith(ctx, row);
        if (has_failed()) return LLAMA_TOKEN_NULL;
        if (logits) {
            const llama_token token = llamacffi_sample_top(choice.sampler, choice.n_members, choice.first, logits, n_vocab, choice.k);
            if (token != LLAMA_TOKEN_NULL || has_failed()) return token;
        }
    }
    return llamacffi_guard_llama_sampler_sample(choice.sampler, ctx, row);
}

// Adds a token to a sequence, and ends it if that was its last. Whether all is well.
bool llamacffi_loop::take(Sequence & each, llama_token token) {
    const auto stops = [&] { return !each.stop_tokens.empty() && each.stop_tokens.count(token); };
    if (!each.ignore_eog && llamacffi_guard_llama_vocab_is_eog(vocab, token)) {
        each.end(LLAMACFFI_STOP_EOG);
    } else if (stops()) {
        each.stream.finish(each.shown);
        each.end(LLAMACFFI_STOP_TEXT);
    } else {
        char room[256];
        std::string longer;
        const char * piece = room;
        int32_t size = llamacffi_guard_llama_token_to_piece(vocab, token, room, sizeof room, 0, false);
        if (size < 0 && !has_failed()) {
            longer.resize((size_t) -size);
            piece = longer.data();
            size = llamacffi_guard_llama_token_to_piece(vocab, token, &longer[0], -size, 0, false);
        }
        if (has_failed()) return false;
        each.last = token;
        each.made.push_back(token);
        each.n_predict--;
        if (each.stream.add(piece, (size_t) std::max(size, 0), each.shown)) each.end(LLAMACFFI_STOP_TEXT);
        else if (!each.n_predict) each.end(LLAMACFFI_STOP_LENGTH);
    }
    return !has_failed();
}

int32_t llamacffi_loop::advance(bool & prompts) {
    const auto start = Stop::clock::now();
    prompts = fill();
    const bool guessing = draft && !prompts && batch.size();
    if (guessing)
        if (const int32_t status = guess(*sequences[0])) return status;
    if (!batch.size()) return 0;
    if (const int32_t status = decode(ctx, batch)) return status;
    if (guessing) return check_guesses(*sequences[0]);
    for (auto & each : sequences) {
        if (!each->n_batched) continue;
        const bool was_prompt = each->n_prompt;
        each->pos += each->n_batched;
        if (was_prompt) {
            each->n_prompt -= each->n_batched;
            each->prompt_us += us_since(start);
            each->start = Stop::clock::now();
        }
        if (each->row < 0) {
            if (!each->n_prompt) each->end(LLAMACFFI_STOP_LENGTH);  // there was nothing to do but the prompt
            continue;
        }
        const llama_token token = sample(*each, each->row);
        if (has_failed() || !take(*each, token)) return -1;
    }
    return 0;
}

// --- speculative decoding -----------------------------------------------------------------------------------------

bool llamacffi_loop::truncate(llama_context * of, llama_seq_id seq, llama_pos from) {
    return llamacffi_guard_llama_memory_seq_rm(llamacffi_guard_llama_get_memory(of), seq, from, -1);
}

// Has the smaller model go on from what was made, and adds to the batch what it guesses.
int32_t llamacffi_loop::guess(Sequence & each) {
    guesses.clear();
    history.resize((size_t) each.pos);
    history.push_back(each.last);
    const int32_t most = std::min({n_draft, batch.room(), each.n_predict - 1, each.limit - each.pos - 1});
    if (most <= 0) return 0;
    llama_pos begin = std::min(draft_pos, (llama_pos) history.size() - 1);
    if (!truncate(draft, 0, begin)) {
        if (has_failed()) return -1;
        begin = 0;
        truncate(draft, 0, 0);
    }
    std::vector<llama_token> next(history.begin() + begin, history.end());
    draft_pos = begin;
    for (;;) {
        for (size_t done = 0; done < next.size();) {
            draft_batch->clear();
            for (; done < next.size() && draft_batch->room(); done++)
                draft_batch->add(next[done], draft_pos + draft_batch->size(), 0, done + 1 == next.size());
            if (const int32_t status = decode(draft, *draft_batch)) {
                if (status < 0) return status;
                n_draft = 0;  // there is no room for more guesses
                return stop.is_cancelled() || stop.is_late() ? status : 0;
            }
            draft_pos += draft_batch->size();
        }
        const float * logits = llamacffi_guard_llama_get_logits_ith(draft, -1);
        if (!logits) return has_failed() ? -1 : 0;
        const llama_token token = llamacffi_likeliest(logits, n_vocab);
        if (llamacffi_guard_llama_vocab_is_eog(vocab, token)) return 0;
        guesses.push_back(token);
        batch.add(token, each.pos + (llama_pos) guesses.size(), each.seq, true);
        if ((int32_t) guesses.size() == most) return 0;
        next = {token};
    }
}

// The sampler chooses as it would have without the guesses; they serve as far as it chooses the same.
int32_t llamacffi_loop::check_guesses(Sequence & each) {
    llama_pos held = each.pos + 1;
    for (size_t i = 0;; i++) {
        const llama_token token = sample(each, each.row + (int32_t) i);
        if (has_failed() || !take(each, token)) return -1;
        if (!each.is_going() || i == guesses.size() || guesses[i] != token) break;
        history.push_back(token);
        held++;
    }
    each.pos = held;
    draft_pos = std::min(draft_pos, held);
    if (guesses.empty() || truncate(ctx, each.seq, held)) return 0;
    if (!has_failed()) current().call()->fail(LLAMACFFI_ERROR_ARGUMENT, "draft", "this model's memory can't be shortened, which guessing ahead needs");
    return -1;
}

// What is called from Python beside a step: no C++ exception leaves it.
template <class Result> Result guarded(const std::function<Result()> & work) {
    Call call("generate");
    Result result{};
    if (call.refused()) return result;
    try {
        result = work();
    } catch (...) {
        call.caught();
    }
    if (!result && !call.raised()) inherit_exception(call);
    return result;
}

// --- as C has it --------------------------------------------------------------------------------------------------

extern "C" {

llamacffi_loop * llamacffi_loop_new(llama_context * ctx) {
    return guarded<llamacffi_loop *>([&]() -> llamacffi_loop * {
        const llama_model * model = llamacffi_guard_llama_get_model(ctx);
        if (!model) return nullptr;
        const auto n_batch = (int32_t) llamacffi_guard_llama_n_batch(ctx);
        auto loop = std::make_unique<llamacffi_loop>(ctx, llamacffi_guard_llama_model_get_vocab(model), n_batch);
        return loop->batch.is_valid() ? loop.release() : nullptr;
    });
}

void llamacffi_loop_free(llamacffi_loop * loop) { delete loop; }

llamacffi_sequence * llamacffi_loop_add(llamacffi_loop * loop, llama_seq_id seq, const llama_token * tokens, int32_t n_tokens,
    llama_pos pos, const llamacffi_choice * choice, int32_t n_predict, llama_pos limit, bool ignore_eog) {
    return guarded<llamacffi_sequence *>([&]() -> llamacffi_sequence * {
        auto made = std::make_unique<Sequence>();
        // The prompt is not what a grammar is about; penalties and Python's samplers want to see it.
        for (llama_sampler * each : members(choice->sampler)) {
            if (has_name(each, "grammar")) continue;
            for (int32_t i = 0; i < n_tokens && !has_failed(); i++) llamacffi_guard_llama_sampler_accept(each, tokens[i]);
            if (has_failed()) return nullptr;
        }
        if (has_failed()) return nullptr;
        made->seq = seq;
        made->choice = *choice;
        made->n_predict = n_predict;
        made->limit = limit;
        made->ignore_eog = ignore_eog;
        made->prompt.assign(tokens + pos, tokens + n_tokens);
        made->pos = pos;
        made->n_prompt = n_tokens - pos;
        made->stop = LLAMACFFI_STOP_NONE;
        made->prompt_us = made->text_us = 0;
        made->publish();
        if (loop->draft) {
            loop->history.assign(tokens, tokens + n_tokens);
            loop->draft_pos = 0;
        }
        loop->sequences.push_back(std::move(made));
        return loop->sequences.back().get();
    });
}

void llamacffi_loop_stop_text(llamacffi_sequence * sequence, const char * text, size_t size) {
    ((Sequence *) sequence)->stream.stop_at(std::string(text, size));
}

void llamacffi_loop_stop_token(llamacffi_sequence * sequence, llama_token token) {
    ((Sequence *) sequence)->stop_tokens.insert(token);
}

void llamacffi_loop_remove(llamacffi_loop * loop, llamacffi_sequence * sequence) {
    auto & all = loop->sequences;
    all.erase(std::remove_if(all.begin(), all.end(), [&](const auto & each) { return each.get() == sequence; }), all.end());
}

void llamacffi_loop_draft(llamacffi_loop * loop, llama_context * draft, int32_t n_draft) {
    loop->draft_batch = std::make_unique<Tokens>((int32_t) llamacffi_guard_llama_n_batch(draft));
    loop->draft = draft;
    loop->n_draft = n_draft;
}

int32_t llamacffi_loop_step(llamacffi_loop * loop, int32_t n_tokens, int64_t us) {
    Call call("generate");
    if (call.refused()) return -1;
    // For the whole of a step: another thread could disturb it between two calls.
    Use use;
    if (!use.lock(call, "ctx", loop->ctx)) return -1;
    const auto start = Stop::clock::now();
    for (auto & each : loop->sequences) each->clear_made();
    int32_t status = 0;
    try {
        for (bool prompts = false, left = false, ended = false; !left && !ended;) {
            if (loop->stop.is_cancelled()) loop->end_all(LLAMACFFI_STOP_CANCELLED);
            else if (loop->stop.is_late()) loop->end_all(LLAMACFFI_STOP_DEADLINE);
            status = loop->advance(prompts);
            if (status > 0 && loop->stop.is_cancelled()) loop->end_all(LLAMACFFI_STOP_CANCELLED), status = 0;
            else if (status > 0 && loop->stop.is_late()) loop->end_all(LLAMACFFI_STOP_DEADLINE), status = 0;
            if (status || !loop->batch.size()) break;
            size_t most = 0;
            for (auto & each : loop->sequences) {
                ended = ended || !each->is_going();
                left = left || each->n_prompt;
                most = std::max(most, each->made.size());
            }
            if (n_tokens ? most >= (size_t) n_tokens : us_since(start) >= us) break;
        }
    } catch (...) {
        call.caught();
        status = -1;
    }
    if (status < 0 && !call.raised()) inherit_exception(call);
    for (auto & each : loop->sequences) {
        if (!each->made.empty()) each->text_us = us_since(each->start);
        each->publish();
    }
    return status;
}

void llamacffi_loop_cancel(llamacffi_loop * loop) { loop->stop.cancel(); }

void llamacffi_loop_deadline(llamacffi_loop * loop, int64_t us) {
    loop->stop.set_deadline(us < 0 ? Stop::clock::time_point::max() : Stop::clock::now() + microseconds(us));
}
}
