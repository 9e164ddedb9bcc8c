// Never defined.
struct llama_model;
typedef struct llama_context llama_context;
union llama_secret;
typedef struct llama_hidden * llama_hidden_t;

// Declared before.
struct llama_later;
struct llama_user { struct llama_later * later; struct llama_unseen * unseen; };

// Defined after.
struct llama_later { int n; struct llama_user user; };

struct llama_model * llama_open(const char * path);
llama_context * llama_start(struct llama_model *, union llama_secret * secret, llama_hidden_t);
void llama_finish(llama_context * context, struct llama_later later);
