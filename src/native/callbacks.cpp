#include "callbacks.hpp"

#include "callbacks.h"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#ifdef _WIN32
#include <windows.h>
#else
#include <pthread.h>
#endif


// callbacks.py: each gets the number of a Callback, and returns what is not negative, or the number of an exception.
extern "C" {
int64_t llamacffi_py_progress(int64_t callback, float part);
int64_t llamacffi_py_abort(int64_t callback);
int64_t llamacffi_py_eval(int64_t callback, ggml_tensor * tensor, bool ask);
int64_t llamacffi_py_compare(int64_t callback, int index, ggml_tensor * first, ggml_tensor * second);
int64_t llamacffi_py_op(int64_t callback, int inputs, ggml_tensor * dst, ggml_tensor * a, ggml_tensor * b, ggml_tensor * c, int ith, int nth);
int64_t llamacffi_py_tensor(int64_t callback, ggml_tensor * tensor);
int64_t llamacffi_py_log(int64_t callback, int level, const char * text);
int64_t llamacffi_py_failure(int64_t callback, const char * message);
int64_t llamacffi_py_epoch(int64_t callback, bool train, void * context, void * dataset, void * result, int64_t batch, int64_t batches, int64_t start);
int64_t llamacffi_py_optimizer(int64_t callback, const int64_t * epoch, void * parameters);
int64_t llamacffi_py_read(int64_t callback, uint64_t offset, void * buffer, size_t size);
int64_t llamacffi_py_split(int64_t callback, ggml_tensor * tensor, void * state);
int64_t llamacffi_py_bitmap(int64_t callback, size_t index, void ** bitmap, char ** text);
int64_t llamacffi_py_decoded(int64_t callback, const void * batch, int32_t * result);
int64_t llamacffi_py_sampler(int64_t callback, int method, void * a, void * b, void * c, int64_t number);
int64_t llamacffi_py_hold(int64_t callback);
int64_t llamacffi_py_release(int64_t callback, bool for_good);
int64_t llamacffi_py_sample(int64_t callback, int32_t row);
int64_t llamacffi_py_signals(void);
int64_t llamacffi_py_print(int64_t exception);
}

namespace llamacffi {

extern std::recursive_mutex account;  // handles.cpp

// --- exceptions ---------------------------------------------------------------------------------------------------

// Leaves C++ that has no value by which a callback could stop it. llama.cpp itself handles it as any error of its own.
struct Stopped : std::runtime_error {
    Stopped() : std::runtime_error("stopped by a Python callback") {}
};

static LLAMACFFI_TLS thread_local const Call * entered_from = nullptr;
// The exceptions of this thread's calls, by their depth: a callback may call, too.
static thread_local std::vector<int64_t> exceptions;
static LLAMACFFI_TLS thread_local bool interrupt_due = false;

Entering::Entering() : before_(entered_from) { entered_from = current().call(); }
Entering::~Entering() { entered_from = before_; }

Call * nearest_call() {
    Call * call = current().call();
    return call == entered_from ? nullptr : call;
}

static size_t depth_of(const Call * call) {
    size_t depth = 0;
    for (; call; call = call->outer()) depth++;
    return depth;
}

bool has_raised(int64_t returned) {
    if (returned >= 0) return false;
    const int64_t exception = -returned >> 1;
    if (Call * call = nearest_call()) {
        if (!call->raised()) {  // what came first is the reason
            const size_t depth = depth_of(call);
            if (exceptions.size() <= depth) exceptions.resize(depth + 1);
            exceptions[depth] = exception;
        }
        callback_raised();
    } else if (!python_ended) {
        llamacffi_py_print(exception);  // no guard: nobody would ask for it
    }
    if (-returned & 1) interrupt_due = true;
    if (!nearest_call()) interrupt_if_due();
    return true;
}

// What raised in a callback of a guarded call that this one has made is what this one fails with.
void inherit_exception(const Call & call) {
    const size_t depth = depth_of(&call);
    if (exceptions.size() > depth + 1 && exceptions[depth + 1]) exceptions[depth] = std::exchange(exceptions[depth + 1], 0);
}

// A call through `lib` raises nothing itself, and nobody must miss a Ctrl-C: Python meets this where the call returns.
void interrupt_if_due() {
    if (std::exchange(interrupt_due, false)) std::raise(SIGINT);
}

static bool is_stopping() {
    if (python_ended.load(std::memory_order_relaxed)) return true;
    Call * call = nearest_call();
    return call && call->raised();
}

// Enters Python, but no more once a callback of this call has raised. Whether that went well.
template <class F> static bool entered(F && function, int64_t * result = nullptr) {
    if (is_stopping()) return false;
    int64_t returned;
    {
        Entering entering;
        returned = function();
    }
    if (result) *result = returned;
    return !has_raised(returned);
}

// The same for what only looks on.
template <class F> static void observed(F && function) {
    if (python_ended.load(std::memory_order_relaxed)) return;
    int64_t returned;
    {
        Entering entering;
        returned = function();
    }
    has_raised(returned);
}

static void leave() {
    if (nearest_call()) throw Stopped();
}

static int64_t number_of(void * user_data) { return (int64_t) (intptr_t) user_data; }

// --- signals ------------------------------------------------------------------------------------------------------

static unsigned long long this_thread_id() {
#ifdef _WIN32
    return GetCurrentThreadId();
#else
    return (unsigned long long) (uintptr_t) pthread_self();
#endif
}
static std::atomic<unsigned long long> main_thread{0};
static thread_local std::chrono::steady_clock::time_point latest_poll, latest_look;

#ifndef _WIN32
static void after_fork_in_child() { main_thread = this_thread_id(); }
#endif

bool Poll::must_stop() {
    using namespace std::chrono_literals;
    if (is_stopping()) return true;
    if (skip_) {
        skip_--;
        return false;
    }
    if (main_thread.load(std::memory_order_relaxed) != this_thread_id()) return false;
    const auto now = std::chrono::steady_clock::now();
    if (now - latest_look < 100us) skip_ = 31;  // not even the clock's time for nodes that take less
    latest_look = now;
    if (now - latest_poll < 50ms) return false;
    latest_poll = now;
    return !entered([] { return llamacffi_py_signals(); });
}

static LLAMACFFI_TLS thread_local const Call * polled = nullptr;

bool poll_abort(void * data) {
    AbortChain * chain = (AbortChain *) data;
    polled = nearest_call();
    if (this_thread && this_thread->stop && this_thread->stop->is_due()) return true;
    return chain->poll.must_stop() || (chain->user && chain->user(chain->user_data));
}

void BackendHook::keep(ggml_backend_t backend) {
#ifdef LLAMACFFI_HAS_ggml_backend_set_abort_callback_t
    const ggml_backend_dev_t device = backend ? ggml_backend_get_device(backend) : nullptr;
    const ggml_backend_reg_t reg = device ? ggml_backend_dev_backend_reg(device) : nullptr;
    const auto set = reg ? (ggml_backend_set_abort_callback_t) ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_abort_callback") : nullptr;
    if (!set) return;
    set(backend, callback_, user_data_);
    hook_.keep(backend);
#endif
}

bool ProgressChain::report(float part, void * data) {
    ProgressChain * chain = (ProgressChain *) data;
    return !chain->poll_.must_stop() && (!chain->user_ || chain->user_(part, chain->user_data_));
}

#ifdef LLAMACFFI_HAS_ggml_opt_epoch
void epoch_step(bool train, ggml_opt_context_t context, ggml_opt_dataset_t dataset, ggml_opt_result_t result, int64_t batch, int64_t batches, int64_t start) {
    EpochChain * chain = nearest_call()->epochs;
    const ggml_opt_epoch_callback user = train ? chain->train_ : chain->eval_;
    if (chain->owner_ && !known(context)) made(context, part_of(chain->owner_));
    if (!chain->poll_.must_stop() && user) user(train, context, dataset, result, batch, batches, start);
    if (is_stopping()) leave();
}

EpochChain::EpochChain(ggml_opt_epoch_callback & train, ggml_opt_epoch_callback & eval, const llama_context * owner)
    : train_(train), eval_(eval), owner_(owner) {
    nearest_call()->epochs = this;
    train = eval = epoch_step;
}

#endif

#ifdef LLAMACFFI_HAS_ggml_opt_fit
ggml_opt_optimizer_params fit_step(void * epoch) {
    FitChain * chain = nearest_call()->fits;
    if (chain->poll_.must_stop()) leave();
    const ggml_opt_optimizer_params parameters = chain->user_(epoch);
    if (is_stopping()) leave();
    return parameters;
}

FitChain::FitChain(ggml_opt_get_optimizer_params & parameters) : user_(parameters) {
    nearest_call()->fits = this;
    parameters = fit_step;
}
#endif

// --- what llama.cpp is given --------------------------------------------------------------------------------------

static bool on_progress(float part, void * data) {
    int64_t go_on;
    return entered([&] { return llamacffi_py_progress(number_of(data), part); }, &go_on) && go_on;
}

static bool on_abort(void * data) {
    int64_t stop;
    return !entered([&] { return llamacffi_py_abort(number_of(data)); }, &stop) || stop;
}

static bool on_eval(ggml_tensor * tensor, bool ask, void * data) {
    int64_t yes;
    if (entered([&] { return llamacffi_py_eval(number_of(data), tensor, ask); }, &yes)) return yes;
    // Asked, yes: the graph is then computed no further than here. Shown, no ends this part of the graph as if all were
    // well, so it is left to the abort callback where there is one: llama_decode then takes back what it began.
    const Call * call = nearest_call();
    return ask || (call && call == polled);
}

static bool on_compared(int index, ggml_tensor * first, ggml_tensor * second, void * data) {
    int64_t go_on;
    return entered([&] { return llamacffi_py_compare(number_of(data), index, first, second); }, &go_on) && go_on;
}

// The parts of an operation are all done by the calling thread, one after another: Python gains nothing from
// several, and an exception belongs to the call.
static void op(void * data, int inputs, ggml_tensor * dst, const ggml_tensor * a, const ggml_tensor * b, const ggml_tensor * c, int ith, int nth) {
    if (ith) return;
    for (int part = 0; part < nth; part++) {
        const auto enter = [&] {
            return llamacffi_py_op(number_of(data), inputs, dst, (ggml_tensor *) a, (ggml_tensor *) b, (ggml_tensor *) c, part, nth);
        };
        if (!entered(enter)) return;
    }
}
static void on_op(ggml_tensor * dst, int ith, int nth, void * data) { op(data, 0, dst, nullptr, nullptr, nullptr, ith, nth); }
static void on_op1(ggml_tensor * dst, const ggml_tensor * a, int ith, int nth, void * data) { op(data, 1, dst, a, nullptr, nullptr, ith, nth); }
static void on_op2(ggml_tensor * dst, const ggml_tensor * a, const ggml_tensor * b, int ith, int nth, void * data) {
    op(data, 2, dst, a, b, nullptr, ith, nth);
}
static void on_op3(ggml_tensor * dst, const ggml_tensor * a, const ggml_tensor * b, const ggml_tensor * c, int ith, int nth, void * data) {
    op(data, 3, dst, a, b, c, ith, nth);
}

static void on_log(ggml_log_level level, const char * text, void * data) {
    observed([&] { return llamacffi_py_log(number_of(data), level, text); });
}

static bool on_filter(const ggml_tensor * tensor, void * data) {
    int64_t yes;
    return entered([&] { return llamacffi_py_tensor(number_of(data), (ggml_tensor *) tensor); }, &yes) && yes;
}

static void on_tensor_data(ggml_tensor * tensor, void * data) {
    if (!entered([&] { return llamacffi_py_tensor(number_of(data), tensor); })) leave();
}

static size_t on_read(void * data, void * output, uint64_t offset, size_t size) {
    int64_t read;
    return entered([&] { return llamacffi_py_read(number_of(data), offset, output, size); }, &read) ? (size_t) read : 0;
}

#ifdef LLAMACFFI_HAS_ggml_backend_meta_split_state
static ggml_backend_meta_split_state on_split(const ggml_tensor * tensor, void * data) {
    ggml_backend_meta_split_state state = {};
    if (!entered([&] { return llamacffi_py_split(number_of(data), (ggml_tensor *) tensor, &state); })) {
        state = {};
        state.axis = GGML_BACKEND_SPLIT_AXIS_MIRRORED;
        state.n_segments = 1;
    }
    return state;
}
#endif

// mtmd's, which may not be there: pointers to what it has are as any others.
static int on_bitmap(size_t index, void * data, void ** bitmap, char ** text) {
    int64_t end;
    if (!entered([&] { return llamacffi_py_bitmap(number_of(data), index, bitmap, text); }, &end)) return -2;
    return end ? -1 : 0;
}

static int32_t on_decoded(const void * batch, void * data) {
    int32_t result = 0;
    return entered([&] { return llamacffi_py_decoded(number_of(data), batch, &result); }) ? result : -1;
}

// --- those without user data --------------------------------------------------------------------------------------

// Of such a function there are several copies, each for one Callback.
constexpr size_t copies = 32;
using Numbers = std::array<std::atomic<int64_t>, copies>;
static Numbers failures, epoch_ends, optimizers;

template <size_t copy> static void on_failure(const char * message) {
    observed([&] { return llamacffi_py_failure(failures[copy], message); });
}

#ifdef LLAMACFFI_HAS_ggml_opt_epoch_callback
template <size_t copy> static void on_epoch(bool train, ggml_opt_context_t context, ggml_opt_dataset_t dataset, ggml_opt_result_t result, int64_t batch, int64_t batches, int64_t start) {
    entered([&] { return llamacffi_py_epoch(epoch_ends[copy], train, context, dataset, result, batch, batches, start); });
}

template <size_t... copy> static std::array<void *, copies> epoch_functions(std::index_sequence<copy...>) { return {(void *) on_epoch<copy>...}; }
#endif

#ifdef LLAMACFFI_HAS_ggml_opt_get_optimizer_params
// ggml_opt_fit has user data of its own: the epoch.
template <size_t copy> static ggml_opt_optimizer_params on_optimizer(void * data) {
    const int64_t number = optimizers[copy];
    ggml_opt_optimizer_params parameters = ggml_opt_get_default_optimizer_params(nullptr);
    const Call * call = nearest_call();
    const int64_t * epoch = call && call->fits && number_of(data) != number ? (const int64_t *) data : nullptr;
    if (entered([&] { return llamacffi_py_optimizer(number, epoch, &parameters); })) return parameters;
    // An optimizer can't be left halfway: it takes a step that changes nothing.
    parameters = ggml_opt_get_default_optimizer_params(nullptr);
    parameters.adamw.alpha = parameters.sgd.alpha = 1e-30f;
    parameters.adamw.wd = parameters.sgd.wd = 0;
    return parameters;
}
template <size_t... copy> static std::array<void *, copies> optimizer_functions(std::index_sequence<copy...>) { return {(void *) on_optimizer<copy>...}; }
#endif

template <size_t... copy> static std::array<void *, copies> failure_functions(std::index_sequence<copy...>) { return {(void *) on_failure<copy>...}; }

struct Copied {
    const char * type;
    std::array<void *, copies> functions;
    Numbers & numbers;
};
static Copied copied[] = {
    {"ggml_abort_callback_t", failure_functions(std::make_index_sequence<copies>()), failures},
#ifdef LLAMACFFI_HAS_ggml_opt_epoch_callback
    {"ggml_opt_epoch_callback", epoch_functions(std::make_index_sequence<copies>()), epoch_ends},
#endif
#ifdef LLAMACFFI_HAS_ggml_opt_get_optimizer_params
    {"ggml_opt_get_optimizer_params", optimizer_functions(std::make_index_sequence<copies>()), optimizers},
#endif
};

static const struct {
    const char * type;
    void * function;
} single[] = {
    {"ggml_abort_callback", (void *) on_abort},
    {"ggml_backend_eval_callback", (void *) on_compared},
#ifdef LLAMACFFI_HAS_ggml_backend_meta_split_state
    {"ggml_backend_meta_get_split_state_t", (void *) on_split},
#endif
    {"ggml_backend_sched_eval_callback", (void *) on_eval},
    {"ggml_custom1_op_t", (void *) on_op1},
    {"ggml_custom2_op_t", (void *) on_op2},
    {"ggml_custom3_op_t", (void *) on_op3},
    {"ggml_custom_op_t", (void *) on_op},
    {"ggml_log_callback", (void *) on_log},
    {"gguf_reader_callback_t", (void *) on_read},
    {"llama_model_set_tensor_data_t", (void *) on_tensor_data},
    {"llama_opt_param_filter", (void *) on_filter},
    {"llama_progress_callback", (void *) on_progress},
    {"mtmd_bitmap_lazy_callback", (void *) on_bitmap},
    {"mtmd_helper_post_decode_callback", (void *) on_decoded},
    {"mtmd_progress_callback", (void *) on_progress},
};

// The number of the Callback that a function pointer and its user data are; 0 if they are something else.
static int64_t callback_of(void * function, void * user_data) {
    if (!function) return 0;
    for (const auto & each : single)
        if (each.function == function) return number_of(user_data);
    for (const auto & each : copied)
        for (size_t copy = 0; copy < copies; copy++)
            if (each.functions[copy] == function) return each.numbers[copy];
    return 0;
}

// --- who holds what -----------------------------------------------------------------------------------------------

struct Holding {
    const char * slot;
    int64_t callback;
    AbortChain * chain;
};
// Under the lock of the account of handles.
static std::unordered_multimap<const void *, Holding> & holdings() {
    static auto * all = new std::unordered_multimap<const void *, Holding>;  // not destroyed: threads may outlive main
    return *all;
}

static void give_up(const std::vector<int64_t> & callbacks, bool for_good = true) {
    for (const int64_t callback : callbacks) {
        if (python_ended) return;
        int64_t returned;
        {
            Entering entering;
            returned = llamacffi_py_release(callback, for_good);
        }
        has_raised(returned);
    }
}

static void drop(const Holding & holding, std::vector<int64_t> & callbacks) {
    if (holding.callback) callbacks.push_back(holding.callback);
    delete holding.chain;
}

static void put(const void * owner, const Holding & holding) {
    std::vector<int64_t> dropped;
    {
        std::lock_guard<std::recursive_mutex> lock(account);
        const auto range = holdings().equal_range(owner);
        for (auto each = range.first; *holding.slot && each != range.second; each++) {
            if (std::strcmp(each->second.slot, holding.slot)) continue;
            drop(each->second, dropped);
            holdings().erase(each);
            break;
        }
        if (holding.callback || holding.chain) holdings().emplace(owner, holding);
    }
    give_up(dropped);
}

void release_all(const void * owner) {
    std::vector<int64_t> dropped;
    {
        std::lock_guard<std::recursive_mutex> lock(account);
        const auto range = holdings().equal_range(owner);
        for (auto each = range.first; each != range.second; each++) drop(each->second, dropped);
        holdings().erase(range.first, range.second);
    }
    give_up(dropped);
}

Held::Held(void * function, void * user_data) : callback_(callback_of(function, user_data)) {
    if (!callback_) return;
    if (!entered([&] { return llamacffi_py_hold(callback_); })) {
        callback_ = 0;
        throw Stopped();
    }
}

Held::~Held() {
    if (slot_) put(owner_, {slot_, callback_, nullptr});
    else if (callback_) give_up({callback_}, false);
}

AbortHook::AbortHook(ggml_abort_callback & callback, void *& user_data)
    : chain_(new AbortChain{callback, user_data, {}}), held_(callback, user_data) {
    callback = poll_abort;
    user_data = chain_.get();
}
AbortHook::~AbortHook() {
    if (owner_) put(owner_, {"abort chain", 0, chain_.release()});
}

void AbortHook::keep(const void * owner) {
    owner_ = owner;
    held_.keep(owner, "abort callback");
}

int32_t sample_in_python(int64_t callback, int32_t row) {
    int64_t token = LLAMA_TOKEN_NULL;
    if (!entered([&] { return llamacffi_py_sample(callback, row); }, &token)) callback_raised();
    return token < 0 ? LLAMA_TOKEN_NULL : (int32_t) token;
}

// --- samplers -----------------------------------------------------------------------------------------------------

enum Method { apply, accept, reset, clone, free_, backend_init, backend_accept, backend_apply, backend_set_input, backend_reset, copy_state };

struct Sampler {
    int64_t callback;
    std::string name;
};
static const Sampler & sampler(const llama_sampler * sampler) { return *(const Sampler *) sampler->ctx; }

static bool sampler_entered(const llama_sampler * smpl, Method method, void * a = nullptr, void * b = nullptr, void * c = nullptr, int64_t number = 0, int64_t * result = nullptr) {
    return entered([&] { return llamacffi_py_sampler(sampler(smpl).callback, method, a, b, c, number); }, result);
}

static const char * sampler_name(const llama_sampler * smpl) { return sampler(smpl).name.c_str(); }
static void sampler_accept(llama_sampler * smpl, llama_token token) {
    if (!sampler_entered(smpl, accept, nullptr, nullptr, nullptr, token)) leave();
}
static void sampler_apply(llama_sampler * smpl, llama_token_data_array * candidates) {
    if (sampler_entered(smpl, apply, candidates)) return;
    leave();
    if (candidates->selected < 0) candidates->selected = 0;
}
static void sampler_reset(llama_sampler * smpl) {
    if (!sampler_entered(smpl, reset)) leave();
}
static llama_sampler * sampler_clone(const llama_sampler * smpl) {
    llama_sampler * copy = nullptr;
    if (!sampler_entered(smpl, clone, &copy)) leave();
    return copy;
}
static void sampler_free(llama_sampler * smpl) {
    const Sampler * own = &sampler(smpl);
    if (!python_ended) {
        // Whatever raised before: what is freed must be given up. So it is not stopped by what it raises, either.
        int64_t returned;
        {
            Entering entering;
            returned = llamacffi_py_sampler(own->callback, free_, nullptr, nullptr, nullptr, 0);
        }
        has_raised(returned);
        give_up({own->callback});
    }
    delete own;
}

// In the middle of building or computing a graph, which is stopped by its abort callback.
template <class... More> static bool sampler_backend_init(llama_sampler * smpl, ggml_backend_buffer_type_t buft, More... more) {
    int64_t supported;
    return sampler_entered(smpl, backend_init, buft, nullptr, nullptr, (0 + ... + (int64_t) more), &supported) && supported;
}
// What a graph is built of are handles while the sampler builds.
struct Lent {
    Lent(llama_sampler * sampler, ggml_context * context, ggml_cgraph * graph) : sampler(sampler) {
        if (!known(context)) made(context, part_of(sampler));
        if (!known(graph)) made(graph, part_of(sampler));
    }
    ~Lent() { parts_gone(sampler); }
    llama_sampler * sampler;
};
#ifdef LLAMACFFI_HAS_llama_sampler_data
static void sampler_backend_accept(llama_sampler * smpl, ggml_context * context, ggml_cgraph * graph, ggml_tensor * token) {
    Lent lent(smpl, context, graph);
    sampler_entered(smpl, backend_accept, context, graph, token);
}
static void sampler_backend_apply(llama_sampler * smpl, ggml_context * context, ggml_cgraph * graph, llama_sampler_data * data) {
    Lent lent(smpl, context, graph);
    sampler_entered(smpl, backend_apply, context, graph, data);
}
#endif
static void sampler_backend_set_input(llama_sampler * smpl) { sampler_entered(smpl, backend_set_input); }
static void sampler_backend_reset(llama_sampler * smpl) { sampler_entered(smpl, backend_reset); }
static void sampler_copy_state(const llama_sampler * from, llama_sampler * to) {
    if (!sampler_entered(to, copy_state, nullptr, nullptr, nullptr, sampler(from).callback)) leave();
}

static llama_sampler_i sampler_interface(bool on_backend) {
    llama_sampler_i interface = {};
    interface.name = sampler_name;
    interface.accept = sampler_accept;
    interface.apply = sampler_apply;
    interface.reset = sampler_reset;
    interface.clone = sampler_clone;
    interface.free = sampler_free;
#ifdef LLAMACFFI_HAS_llama_sampler_i_copy_state
    interface.copy_state = sampler_copy_state;
#endif
#ifdef LLAMACFFI_HAS_llama_sampler_data
    if (on_backend) {
        interface.backend_init = sampler_backend_init;
        interface.backend_accept = sampler_backend_accept;
        interface.backend_apply = sampler_backend_apply;
        interface.backend_set_input = sampler_backend_set_input;
#ifdef LLAMACFFI_HAS_llama_sampler_i_backend_reset
        interface.backend_reset = sampler_backend_reset;
#endif
    }
#endif
    return interface;
}

}  // namespace llamacffi

using namespace llamacffi;

// --- for callbacks.py ---------------------------------------------------------------------------------------------

extern "C" void * llamacffi_trampoline(const char * type, int64_t callback) {
    for (const auto & each : single)
        if (!std::strcmp(each.type, type)) return each.function;
    for (auto & each : copied) {
        if (std::strcmp(each.type, type)) continue;
        for (size_t copy = 0; copy < copies; copy++) {
            int64_t unused = 0;
            if (each.numbers[copy].compare_exchange_strong(unused, callback)) return each.functions[copy];
        }
    }
    return nullptr;
}

extern "C" void llamacffi_raised(int64_t returned) { has_raised(returned); }

extern "C" bool llamacffi_is_callback_type(const char * type) {
    for (const auto & each : single)
        if (!std::strcmp(each.type, type)) return true;
    for (const auto & each : copied)
        if (!std::strcmp(each.type, type)) return true;
    return false;
}

extern "C" void llamacffi_callback_gone(int64_t callback) {
    for (auto & each : copied)
        for (auto & number : each.numbers) {
            int64_t expected = callback;
            number.compare_exchange_strong(expected, 0);
        }
}

extern "C" int64_t llamacffi_exception(void) {
    const size_t depth = depth_of(current().call()) + 1;
    if (exceptions.size() <= depth) return 0;
    return std::exchange(exceptions[depth], 0);
}

extern "C" void llamacffi_main_thread(unsigned long long id) {
    main_thread = id;
#ifndef _WIN32
    static const int once = pthread_atfork(nullptr, nullptr, after_fork_in_child);
    (void) once;
#endif
}

extern "C" llama_sampler * llamacffi_sampler(int64_t callback, const char * name, bool on_backend) {
    static llama_sampler_i interfaces[] = {sampler_interface(false), sampler_interface(true)};
    Sampler * own = new Sampler{callback, name};
#ifdef LLAMACFFI_HAS_llama_sampler_init
    llama_sampler * result = llama_sampler_init(&interfaces[on_backend], own);
#else
    llama_sampler * result = new llama_sampler{&interfaces[on_backend], own};  // llama_sampler_free deletes it
#endif
    made(result);
    return result;
}

extern "C" char * llamacffi_new_text(const char * text) {
    const size_t size = std::strlen(text) + 1;
    char * copy = (char *) std::malloc(size);
    if (copy) std::memcpy(copy, text, size);
    return copy;
}
