#include "llama.h"

void llama_line(void) {}
void llama_lines(void) {}
void llama_block(void) {}
void llama_stars(void) {}
void llama_no_stars(void) {}
void llama_doxygen(int n) {}
void llama_slashes(void) {}
void llama_behind(void) {}
void llama_behind_block(void) {}
void llama_doxygen_behind(void) {}
void llama_long_behind(void) {}
void llama_none(void) {}
void llama_far_comment(void) {}
void llama_both(void) {}
void llama_parameters(int n, float scale, void * data) {}
void llama_parameters_too(int n, int m) {}
void llama_inner(int n, int m) {}
void llama_next_to(void) {}
void llama_same_line(void) {}
void llama_marked(void) {}
void llama_conditional(void) {}
void llama_framed(void) {}
void llama_starred(void) {}
void llama_empty(void) {}
