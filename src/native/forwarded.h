/* What forwards.h stands in for, asked by name. Included behind it. */

const char *llamacffi_module_of(const char *name) {
    const struct llamacffi_forward *each;
    for (each = llamacffi_forwards; each->name; each++)
        if (!strcmp(each->name, name)) return each->module;
    return NULL;
}
