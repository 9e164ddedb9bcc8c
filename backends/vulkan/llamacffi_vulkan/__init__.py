"""llama.cpp's Vulkan backend, a module that `llamacffi` finds and loads. There is nothing to import here."""
