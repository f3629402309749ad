#!/usr/bin/env bash
# tests/gpu/publish.sh OUT: makes the folder that tests/gpu/run.sh needs on a machine without .NET, and OUT.tar.xz of it.
#
#   OUT/interfuse, OUT/libe_sqlite3.so          the command line; the library is for merge jobs of a server
#   OUT/conformance/Interfuse.Compute.Tests     the conformance suite as a program of its own
set -euo pipefail

if [ $# -ne 1 ] || [ "${1#-}" != "$1" ]; then
  echo "Usage: tests/gpu/publish.sh OUT" >&2
  exit 2
fi
repository=$(realpath "$(dirname "$0")/../..")
out=$(realpath -m "$1")
if [ -e "$out" ]; then
  echo "publish: $out exists; name a folder that does not" >&2
  exit 1
fi

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Built apart from the clone's own bin and obj, which hold other variants of the same projects.
publish() {
  local project=$1
  shift
  dotnet publish "$repository/$project" -c Release -r linux-x64 --self-contained --artifacts-path "$scratch" \
    -p:DebugType=embedded -p:PublishDocumentationFiles=false -p:SatelliteResourceLanguages=en "$@"
}
publish tests/Interfuse.Compute.Tests -o "$out/conformance" -p:InterfuseTestProgram=true
publish src/Interfuse.Cli -o "$out" -p:PublishSingleFile=true

# Both hold the same runtime: a window as long as both stores it once.
tar -C "$(dirname "$out")" -c "$(basename "$out")" | xz --lzma2=preset=2,dict=192MiB > "$out.tar.xz"
du -sh "$out" "$out.tar.xz"
