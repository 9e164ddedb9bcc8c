#!/usr/bin/env bash
# Print a folder for VULKAN_SDK with headers that ggml-vulkan can be compiled with.
#
#     VULKAN_SDK=$(tools/vulkan_headers.sh) pip wheel backends/vulkan
#
# It is /usr if the system's own are new enough. If not, on Debian: a newer release's, fetched with apt from where the
# machine's own packages come from, and unpacked in build/vulkan-headers; nothing is installed.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."

enough=1.3.272  # the first with VK_EXT_layer_settings
suite=trixie

version() {  # of the headers below a folder
    sed -En 's/^#define VK_HEADER_VERSION_COMPLETE VK_MAKE_API_VERSION\(0, ([0-9]+), ([0-9]+), .*/\1.\2/p
             s/^#define VK_HEADER_VERSION ([0-9]+)$/.\1/p' "$1/include/vulkan/vulkan_core.h" 2>/dev/null |
        sort -r | tr -d '\n'
}
is_enough() { printf '%s\n' "$enough" "$(version "$1")" | sort --version-sort --check=silent; }

folder=$PWD/build/vulkan-headers
for there in /usr "$folder/usr"; do
    if is_enough "$there"; then echo "$there"; exit; fi
done

archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)
if [ -z "$archive" ]; then
    echo "vulkan_headers.sh: the Vulkan headers are older than $enough, and apt knows no Debian archive" \
        "(apt-get update first?): install newer ones and set VULKAN_SDK" >&2
    exit 1
fi
rm -rf "$folder"
mkdir -p "$folder"/apt/{sources,lists/partial,cache/archives/partial}
cat > "$folder/apt/sources/newer.sources" <<END
Types: deb
URIs: $archive
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
options=(-qq -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$folder/apt/sources"
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt/cache" -o "APT::Sandbox::User=")
apt-get "${options[@]}" update >&2
(cd "$folder/apt" && apt-get "${options[@]}" download libvulkan-dev spirv-headers >&2)
for package in "$folder"/apt/*.deb; do dpkg -x "$package" "$folder"; done
rm -rf "$folder/apt"
if ! is_enough "$folder/usr"; then
    echo "vulkan_headers.sh: $suite's Vulkan headers are older than $enough, too" >&2
    exit 1
fi
echo "$folder/usr"
