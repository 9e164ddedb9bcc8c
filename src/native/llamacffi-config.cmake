# find_package(llamacffi): the targets llamacffi::llama, llamacffi::mtmd, llamacffi::ggml and llamacffi::ggml-base.
include("${CMAKE_CURRENT_LIST_DIR}/llamacffi-targets.cmake")
