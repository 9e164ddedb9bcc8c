int toy_far(struct toy_context * ctx, int n) { return n; }
