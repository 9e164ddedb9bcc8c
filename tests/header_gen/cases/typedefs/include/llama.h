#include <stddef.h>
#include <stdint.h>

typedef int32_t llama_token;
typedef llama_token llama_id, * llama_id_p; // two of them
typedef llama_id_p * llama_ids;
typedef unsigned long int llama_long;

typedef struct llama_point { int x, y; } llama_point, * llama_point_p;
typedef struct { int64_t a; char b; } llama_untagged, * llama_untagged_p;
typedef union { int32_t i; float f; } llama_bits;
typedef enum { LLAMA_LEFT, LLAMA_RIGHT = 8 } llama_side, * llama_side_p;
typedef struct llama_later llama_later;
typedef const llama_point llama_fixed_point;

struct llama_later { llama_token id; llama_later * next; llama_bits bits; };

typedef llama_token llama_token; // again, the same

struct llama_uses {
    llama_untagged   u;
    llama_untagged_p up;
    llama_side       side;
    llama_side_p     sides;
    llama_point_p    p;
    llama_ids        ids;
};

llama_long llama_take(llama_untagged u, llama_untagged_p up, llama_later later, llama_fixed_point * fixed);
llama_long llama_take(llama_untagged u, llama_untagged_p up, llama_later later, llama_fixed_point * fixed);
llama_side llama_turn(llama_side side), llama_other(llama_bits);
