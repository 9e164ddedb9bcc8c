#include "llama.h"

#include <stdlib.h>

static llama_log_callback log_callback;
static void * log_data;

void llama_log_set(llama_log_callback callback, void * user_data) {
    log_callback = callback;
    log_data = user_data;
}

bool llama_run(llama_check check, const void * data, size_t size) {
    if (log_callback) log_callback(1, "run", log_data);
    return check(data, size);
}

int llama_sort(int * values, size_t n, int (*compare)(const void * a, const void * b)) {
    qsort(values, n, sizeof *values, compare);
    return values[0];
}

int llama_apply(int function(int x), int x) { return function(x); }

static void handle(int signal) { (void)signal; }

void (*llama_handler(int signal))(int signal) { return signal ? handle : NULL; }

static int compare(const void * a, const void * b) { return *(const int *)a - *(const int *)b; }

llama_compare llama_comparer(void) { return compare; }

int (*(*llama_finder(void))(const char *))(int, ...) { return NULL; }
