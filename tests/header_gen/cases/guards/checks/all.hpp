// What policy.toml names.
namespace llamacffi {

inline bool is_small(int n) { return n < 100; }

// How many calls are running that have one.
struct Counted {
    static int & count() { static int now = 0; return now; }
    Counted() { count()++; }
    ~Counted() { count()--; }
};

inline float half(int n) { return n / 2.0f; }

}  // namespace llamacffi
