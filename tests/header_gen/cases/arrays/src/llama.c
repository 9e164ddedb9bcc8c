#include "llama.h"

float llama_sum(const float values[], const llama_vec fixed, float matrix[2][3], llama_row_p rows) {
    return values[0] + fixed[2] + matrix[1][2] + (rows ? (float)rows[0][0][0] : 0);
}

void llama_fill(llama_mat * mat, char name[LLAMA_MAX_NAME]) {
    (*mat)[1][2] = 1;
    name[0] = 'n';
}

int llama_last(int n, const int values[n]) { return values[n - 1]; }
