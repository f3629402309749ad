#!/usr/bin/env bash
# Puts the CUDA compiler, and nothing else of the CUDA toolkit, into one folder on Debian.
#
# Debian's own packages come with every CUDA library: 1.6 GB to fetch, 5.4 GB on the disk. Two of them hold the compiler
# and its headers; this script fetches those two (858 MB), unpacks what nvcc needs (89 MB) and throws the rest away.
# Measured on 2 busy cores: 81 s, of which 17 s for the download; the disk needs 950 MB for that while.
# The system is left as it was: apt runs on lists, caches and a source of its own in a temporary folder, and checks the
# archive's signature as usual. No root needed. The toolkit is non-free software under NVIDIA's licence.
set -euo pipefail

default_prefix="${XDG_CACHE_HOME:-$HOME/.cache}/interfuse/nvcc"

usage() {
  cat <<TEXT
Usage: cmake/install-nvcc.sh [PREFIX]

Installs nvcc into PREFIX (default: $default_prefix) from Debian's non-free archive, without touching the system.
CMake finds the default folder and /opt/interfuse-nvcc by itself; for another PREFIX set CUDACXX=PREFIX/bin/nvcc.
Does nothing where PREFIX already holds a compiler that works.

  INTERFUSE_DEBIAN_MIRROR   archive to fetch from (default: the one of this system's sources, else deb.debian.org)
  INTERFUSE_DEBIAN_SUITE    release to fetch from (default: this system's; tried on bookworm, which has nvcc 11.8)
TEXT
}

fail() {
  echo "install-nvcc: $*" >&2
  exit 1
}

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
[ $# -le 1 ] || { usage >&2; exit 2; }
mkdir -p "$(dirname "${1:-$default_prefix}")"
prefix=$(realpath -m "${1:-$default_prefix}")

# The proof is a kernel compiled for both processors that we ship code for.
works() {
  local nvcc=$1/bin/nvcc folder status=0
  [ -x "$nvcc" ] || return 1
  folder=$(mktemp -d)
  echo '__global__ void add(float* y, const float* x) { y[threadIdx.x] += x[threadIdx.x]; }' > "$folder/add.cu"
  "$nvcc" -std=c++17 -allow-unsupported-compiler --fatbin -gencode=arch=compute_80,code=sm_80 \
    -gencode=arch=compute_90,code=sm_90 -o "$folder/add.fatbin" "$folder/add.cu" > "$folder/log" 2>&1 \
    && "$1/bin/cuobjdump" --list-elf "$folder/add.fatbin" > "$folder/list" \
    && grep -q 'sm_80' "$folder/list" && grep -q 'sm_90' "$folder/list" || status=1
  [ "$status" = 0 ] || cat "$folder/log" >&2
  rm -rf "$folder"
  return "$status"
}

version() {
  "$1/bin/nvcc" --version | sed -n 's/.*release/nvcc/p'
}

if works "$prefix"; then
  echo "install-nvcc: $(version "$prefix") in $prefix already works"
  exit 0
fi

# Never empties a folder that someone else filled.
marker=.interfuse-nvcc
if [ -d "$prefix" ] && [ -n "$(ls -A "$prefix")" ] && [ ! -e "$prefix/$marker" ]; then
  fail "$prefix exists and was not made by this script; name a folder that does not exist yet"
fi
for tool in apt-get dpkg-deb tar g++; do
  command -v "$tool" > /dev/null \
    || fail "needs $tool (this script is for Debian; elsewhere install the CUDA toolkit from NVIDIA and set CUDACXX)"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || fail "needs $keyring to check the archive's signature (package debian-archive-keyring)"

# The mirror that this system uses, in either of apt's two formats.
mirror=${INTERFUSE_DEBIAN_MIRROR:-$(
  { sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
    sed -n 's/^deb[[:space:]]\+\(\[[^]]*\][[:space:]]*\)\?\([^[:space:]]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
  } 2> /dev/null | grep -m 1 '/debian/\?$' || true
)}
mirror=${mirror:-http://deb.debian.org/debian}
suite=${INTERFUSE_DEBIAN_SUITE:-$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}" || true)}
suite=${suite:-bookworm}

scratch=$(mktemp -d "$prefix.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lists/partial" "$scratch/archives/partial"
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: non-free\nSigned-By: %s\n' \
  "$mirror" "$suite" "$keyring" > "$scratch/debian.sources"

# The system's settings for fetching (proxies and so on) stay in force; its hooks, lists and caches do not.
{
  apt-config dump | grep '^Acquire::' || true
  cat <<CONF
Dir::State::lists "$scratch/lists";
Dir::Cache "$scratch";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Etc::sourcelist "$scratch/debian.sources";
Dir::Etc::sourceparts "/dev/null";
APT::Sandbox::User "$(id -un)";
CONF
} > "$scratch/apt.conf"
export APT_CONFIG=$scratch/apt.conf

echo "install-nvcc: fetching 858 MB from $mirror ($suite, non-free)"
apt-get update -qq || fail "could not read the package lists of $mirror"
(cd "$scratch" && apt-get download -qq nvidia-cuda-toolkit nvidia-cuda-dev) \
  || fail "could not fetch nvidia-cuda-toolkit and nvidia-cuda-dev from $mirror"

echo "install-nvcc: unpacking the compiler"
unpack() {
  local package=$1
  shift
  dpkg-deb --fsys-tarfile "$scratch/$package"_*.deb | tar -x -C "$scratch/root" --wildcards "$@"
}
mkdir "$scratch/root"
unpack nvidia-cuda-toolkit './usr/lib/nvidia-cuda-toolkit/bin/*' './usr/lib/nvidia-cuda-toolkit/libdevice/*' \
  ./usr/bin/ptxas ./usr/bin/fatbinary ./usr/bin/cudafe++ ./usr/bin/cuobjdump
unpack nvidia-cuda-dev './usr/include/*'

# NVIDIA's own layout, with which nvcc finds its parts relative to itself, so that the folder can be moved.
tree=$scratch/tree
debian=$scratch/root/usr/lib/nvidia-cuda-toolkit
mkdir -p "$tree/bin" "$tree/nvvm/bin"
mv "$debian/bin/cicc" "$tree/nvvm/bin/"
mv "$debian/libdevice" "$tree/nvvm/"
mv "$debian/bin/nvcc" "$debian/bin/crt" "$scratch/root/usr/bin/"* "$tree/bin/"
mv "$scratch/root/usr/include" "$tree/"
cat > "$tree/bin/nvcc.profile" <<'PROFILE'
TOP = $(_HERE_)/..
NVVMIR_LIBRARY_DIR = $(TOP)/nvvm/libdevice
PATH += $(TOP)/nvvm/bin:$(_HERE_):
INCLUDES += "-I$(TOP)/include"
PROFILE

works "$tree" || fail "the compiler was unpacked but does not compile a kernel for sm_80 and sm_90"
touch "$tree/$marker"
rm -rf "$prefix"
mv -T "$tree" "$prefix"
echo "install-nvcc: $(version "$prefix") in $prefix, $(du -sh "$prefix" | cut -f1)"
