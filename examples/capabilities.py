"""What this build of llama.cpp can do on this machine, and its clock."""

import llamacffi as llama

for what, answer in {
    "map models into memory": llama.llama_supports_mmap(),
    "lock them there": llama.llama_supports_mlock(),
    "compute on a GPU": llama.llama_supports_gpu_offload(),
}.items():
    print(f"{what}: {'yes' if answer else 'no'}")
print(f"devices at most: {llama.llama_max_devices()}")

start = llama.llama_time_us()
total = sum(range(100_000))
print(f"adding up to {total} took {(llama.llama_time_us() - start) / 1000:.2f} ms")
