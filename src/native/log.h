/* A log callback for programs: warnings and errors to standard error, the rest nowhere. */
#include <stdio.h>

static void llamacffi_log_problems(enum ggml_log_level level, const char *text, void *user_data) {
    static int printing; /* a line may come in pieces, whose later ones only say that they go on */
    (void)user_data;
    if (level != GGML_LOG_LEVEL_CONT) printing = level == GGML_LOG_LEVEL_WARN || level == GGML_LOG_LEVEL_ERROR;
    if (printing) {
        fputs(text, stderr);
        fflush(stderr);
    }
}
