// Python functions in llama.cpp's hands: the C side of callbacks.py.
//
// What llama.cpp is given is a function of callbacks.cpp, and as user data the number of a Callback. The function enters
// Python; if Python raises, it returns what makes llama.cpp stop, and the call that llama.cpp was in fails.
#pragma once
#include <cstdint>
#include <memory>

#include "api.h"
// Behind llama.cpp's.
#include "guard.hpp"
#include "log.hpp"

namespace llamacffi {

// Python is being entered: calls that are made from there have their own guards, and those below can't be reached.
class Entering {
  public:
    Entering();
    ~Entering();

  private:
    const Call * before_;
};

// The guard that llama.cpp was called through, if no Python is between it and us.
Call * nearest_call();

// Python returned from a callback with this; whether it had raised, and the call fails therefore.
bool has_raised(int64_t returned);

// A callback's Python object is kept while this lives; for longer, if an owner is named.
class Held {
  public:
    template <class F> Held(F * function, void * user_data) : Held((void *) function, user_data) {}
    Held(void * function, void * user_data);
    Held(const Held &) = delete;
    ~Held();

    // Until the owner is freed, or something else is put in its slot. No owner: the process. The account is made when
    // this ends, as a new owner is known only then.
    void keep(const void * owner, const char * slot) {
        owner_ = owner;
        slot_ = slot;
    }
    // Until the owner is freed.
    void keep(const void * owner) { keep(owner, ""); }

  private:
    int64_t callback_;
    const void * owner_ = nullptr;
    const char * slot_ = nullptr;
};

// Lets Python handle its signals, now and then. Whether the work must stop.
class Poll {
  public:
    bool must_stop();

  private:
    unsigned skip_ = 0;
};

// The abort callback of everything that computes: Python's signals first, then the user's own.
struct AbortChain {
    ggml_abort_callback user;
    void * user_data;
    Poll poll;
};
bool poll_abort(void * chain);

// Puts such a chain in the place of an abort callback, for as long as this lives or as the owner does.
class AbortHook {
  public:
    AbortHook(ggml_abort_callback & callback, void *& user_data);
    ~AbortHook();
    void keep(const void * owner);

  private:
    std::unique_ptr<AbortChain> chain_;
    Held held_;
    const void * owner_ = nullptr;
};

// Puts one in a backend that is being made, if it is of a kind that can be stopped.
class BackendHook {
  public:
    BackendHook() : hook_(callback_, user_data_) {}
    void keep(ggml_backend_t backend);

  private:
    ggml_abort_callback callback_ = nullptr;
    void * user_data_ = nullptr;
    AbortHook hook_;
};

// The same for the plan of a single computation, which has its place for a callback.
template <class Plan> class PlanHook {
  public:
    explicit PlanHook(Plan * plan) : plan_(plan), chain_{plan->abort_callback, plan->abort_callback_data, {}} {
        plan->abort_callback = poll_abort;
        plan->abort_callback_data = &chain_;
    }
    PlanHook(const PlanHook &) = delete;
    ~PlanHook() {
        plan_->abort_callback = chain_.user;
        plan_->abort_callback_data = chain_.user_data;
    }

  private:
    Plan * plan_;
    AbortChain chain_;
};

// The progress callback of a load: Python's signals first, then the user's own. Lives through the call.
class ProgressChain {
  public:
    template <class Params> explicit ProgressChain(Params & params)
        : user_(params.progress_callback), user_data_(params.progress_callback_user_data) {
        params.progress_callback = report;
        params.progress_callback_user_data = this;
    }
    ProgressChain(const ProgressChain &) = delete;

  private:
    static bool report(float part, void * chain);

    bool (*user_)(float part, void * user_data);
    void * user_data_;
    Poll poll_;
};

#ifdef LLAMACFFI_HAS_ggml_opt_epoch
// The same between the steps of training, which has no value to stop it: it is left by an exception.
class EpochChain {
  public:
    // The owner of the optimizer, if its user has not made it himself.
    EpochChain(ggml_opt_epoch_callback & train, ggml_opt_epoch_callback & eval, const llama_context * owner = nullptr);
    EpochChain(const EpochChain &) = delete;

  private:
    friend void epoch_step(bool, ggml_opt_context_t, ggml_opt_dataset_t, ggml_opt_result_t, int64_t, int64_t, int64_t);
    ggml_opt_epoch_callback train_, eval_;
    const llama_context * owner_;
    Poll poll_;
};
#endif
#ifdef LLAMACFFI_HAS_ggml_opt_fit
class FitChain {
  public:
    explicit FitChain(ggml_opt_get_optimizer_params & parameters);
    FitChain(const FitChain &) = delete;

  private:
    friend ggml_opt_optimizer_params fit_step(void *);
    ggml_opt_get_optimizer_params user_;
    Poll poll_;
};
#endif

}  // namespace llamacffi
