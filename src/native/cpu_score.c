// Prints ggml's score of one CPU variant on this machine; 0 means that the variant can't run here.
#include <stdio.h>

int ggml_backend_score(void);

int main(void) {
    printf("%d\n", ggml_backend_score());
    return 0;
}
