#!/bin/sh
# Compiles the addon (bpf.node) and the test bed (testbed.node): sh native/build.sh [FOLDER]
# Needs g++ 12 or later, or clang++ with g++'s library, and Linux's headers; no Node. CXX and CXXFLAGS as usual.
#
# One file loads with glibc 2.28 and later and with musl, and from one source the same compiler makes the same bytes wherever it lies.
set -eu
out=${1:-$(dirname "$0")/../build/Release}
mkdir -p "$out"
out=$(cd "$out" && pwd)
# Relative names alone, so that the folder gets into nothing.
cd "$(dirname "$0")"
export LC_ALL=C CXX="${CXX:-c++}"
command -v "${CXX%% *}" >/dev/null || { echo "build: there is no ${CXX%% *} here; it needs g++ 12 or later (CXX=...)." >&2; exit 1; }

flags='-std=c++20 -O2 -fPIC -pthread -fno-exceptions -fno-rtti -fvisibility=hidden -ffunction-sections -fdata-sections
  -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wnull-dereference
  -fstack-protector-strong -fstack-clash-protection -D_GLIBCXX_ASSERTIONS'
# No _FORTIFY_SOURCE: its __*_chk functions are glibc's. No templates from the C++ library, which would bring the rest along.
flags="$flags -U_FORTIFY_SOURCE -D_GLIBCXX_EXTERN_TEMPLATE=0
  -DNAPI_VERSION=9 -DNAPI_DISABLE_CPP_EXCEPTIONS -DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS -DNODE_GYP_MODULE_NAME=bpftop
  -I. -isystem ../node_modules/node-addon-api -isystem ../node_modules/node-api-headers/include -isystem ../headers"
case $($CXX -dumpmachine) in
  x86_64*) flags="$flags -fcf-protection" ;;
  # Atomics inline: what they would call asks glibc what the CPU can do.
  aarch64*) flags="$flags -mbranch-protection=standard -mno-outline-atomics" ;;
esac
# No library by name: Node has brought the C library, and references without a version suit any. Of the C++ library and the
# compiler's own, what little isn't in runtime.cc is inside. There is nothing to do at the end, so no start files.
link='-shared -nostdlib -Wl,--version-script=exports.map,--gc-sections,-z,relro,-z,now,-z,noexecstack,--build-id=sha1,-s'
libraries='-Wl,-Bstatic,--exclude-libs,ALL -lstdc++ -lgcc_eh -lgcc'

objects=$(mktemp -d "$out/objects.XXXXXX")
trap 'rm -rf "$objects"' EXIT
trap 'exit 1' HUP INT TERM
export flags objects
# Each .cc becomes an object named after its path.
printf '%s\n' ./*.cc core/*.cc testbed/*.cc | sed 's|^\./||' |
  xargs -P "$(nproc)" -I '{}' sh -c 'exec $CXX $flags ${CXXFLAGS:-} -c "$1" -o "$objects/$(echo "$1" | tr / -).o"' sh '{}'

# Into place when whole: a running tool may have the old one open.
link_module() {
  module=$1
  shift
  # shellcheck disable=SC2086 # lists of words
  $CXX $flags ${CXXFLAGS:-} $link -o "$objects/$module" "$@" $libraries
  mv "$objects/$module" "$out/$module"
}
link_module testbed.node "$objects"/testbed*.o "$objects"/core-*.o "$objects"/runtime.cc.o
rm "$objects"/testbed*.o
link_module bpf.node "$objects"/*.o
