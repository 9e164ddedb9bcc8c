#include <stdbool.h>
#include <stddef.h>

// Called with each message.
typedef void (*llama_log_callback)(int level, const char * text, void * user_data);

// a function's type, not a pointer to one
typedef bool llama_check(const void * data, size_t size);

typedef llama_log_callback (*llama_factory)(void);

typedef int (*llama_compare)(const void * a, const void * b);

struct llama_interface {
    const char * (*name)(const struct llama_interface * self); // the name
    void (*apply)(struct llama_interface *, float * values, int n), (*reset)(void);
    llama_log_callback log;
    llama_check      * check;
    int (*(*finder)(const char * name))(int, ...);             // gives a variadic function
    void (*handlers[3])(int signal);
    void (*(*jumps)[2])(void);
};

void llama_log_set(llama_log_callback callback, void * user_data);
bool llama_run(llama_check check, const void * data, size_t size);
int  llama_sort(int * values, size_t n, int (*compare)(const void * a, const void * b));
int  llama_apply(int function(int x), int x);
void (*llama_handler(int signal))(int signal);
llama_compare llama_comparer(void);
int (*(*llama_finder(void))(const char *))(int, ...);
