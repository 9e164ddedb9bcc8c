#include "llama.h"

int llama_new(int n) { return n; }
int llama_old(int n) { return n; }
int llama_old_lines(const char * path, int n) { return path ? n : 0; }
int llama_old_before(void) { return 1; }
int llama_old_middle(int (*callback)(int)) { return callback(1); }
int llama_old_more(void) { return 1; }
void (*llama_old_pointer(int n))(int) { return n ? 0 : 0; }
int llama_not_old(int deprecated) { return deprecated; }
int llama_last(void) { return 1; }
