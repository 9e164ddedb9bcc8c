#include "llama.h"

int llama_only_declared(int n);

int llama_plain(int n) { return n ? 1 : nounderscore(n); }

int llama_comment(int a /* this one; or :) that */, // or ) this
                  int b) { return a + b; }

int
llama_spread
    (int n) // a comment
    /* another */
{
    return n;
}

int llama_string(const char * text) {
    return text == ");";
}

// llama_in_comment(n)
int nounderscore(int n) {
#ifdef LLAMA_CALLS
    if (llama_missing(n)) {
        return 1;
    }
    while (n && llama_missing(n)) {}
#endif
    return n;
}

int other = 0;
