#ifdef __GNUC__
#    define DEPRECATED(func, hint) func __attribute__((deprecated(hint)))
#else
#    define DEPRECATED(func, hint) func
#endif
#define LLAMA_API __attribute__ ((visibility ("default"))) extern
#define LLAMA_OLD __attribute__((deprecated))

// The one to use.
LLAMA_API int llama_new(int n);

// An old one.
DEPRECATED(LLAMA_API int llama_old(int n), "use llama_new; (it's \"better\") instead"); // behind it

    DEPRECATED(LLAMA_API int llama_old_lines(
            const char * path, // where
            int          n),
        "use llama_new instead");

LLAMA_OLD LLAMA_API int llama_old_before(void);
LLAMA_API LLAMA_OLD int llama_old_middle(int (*callback)(int));
LLAMA_API int llama_old_more(void) __attribute__((__deprecated__, noinline)) __attribute__((cold));
LLAMA_API LLAMA_OLD void (*llama_old_pointer(int n))(int);
LLAMA_API int llama_not_old(int deprecated);

struct llama_thing {
    int member LLAMA_OLD;
    int (*call)(int llama_new);
};
enum LLAMA_OLD llama_kind { LLAMA_KIND_A LLAMA_OLD = 3, LLAMA_KIND_B };

LLAMA_API int llama_last(void);
