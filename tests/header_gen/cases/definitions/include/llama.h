int llama_plain(int n);
int llama_comment(int a, int b);
int llama_spread(int n);
int llama_string(const char * text);
int llama_const(int n);
int nounderscore(int n);

// Declared only, called, mentioned: nowhere defined.
int llama_missing(int n);
int llama_only_declared(int n);
int llama_in_comment(int n);
