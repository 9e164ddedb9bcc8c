/* What forwards.h stands in for, asked by name. Included behind it. */

/* The module that has this function, "" if it is in the core and wants the backends, NULL if it is just a function. */
static const char *llamacffi_module_of(const char *name) {
    const struct llamacffi_forward *each;
    for (each = llamacffi_forwards; each->name; each++)
        if (!strcmp(each->name, name)) return each->module;
    return NULL;
}
