#!/usr/bin/env bash
# Everything that only a GPU can show, on a machine with the CUDA toolkit and CMake, but no .NET: see README.md.
set -uo pipefail

usage() {
  cat <<'TEXT'
Usage: tests/gpu/run.sh [--only STAGE,...] [--software] PUBLISHED_DIR [OUT_DIR]

PUBLISHED_DIR is what tests/gpu/publish.sh makes. Logs go to OUT_DIR (default: build/gpu/logs). Stages, in this order:

  build        the kernels by this machine's nvcc, and the native test runner
  native       the native tests on the real driver
  sanitize     compute-sanitizer over the native tests: memcheck, racecheck, synccheck, initcheck
  conformance  the published conformance suite on the real driver
  bench        interfuse bench kernels --device cuda
  merge        a synthetic model merged by every method on the GPU and on the CPU: the same bytes?

  --only STAGE,...   only these (build first, unless it was done before)
  --software         the software driver in the GPU's place, small sizes, no compute-sanitizer: a rehearsal

  INTERFUSE_GPU_PARAMETERS   parameters of the synthetic model (default: 1000000000; --software: 1000000)
  INTERFUSE_GPU_TIMEOUT      seconds that one step may take (default: 300)
TEXT
}

device=cuda
stages=build,native,sanitize,conformance,bench,merge
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --only) stages=${2:-}; shift $(($# > 1 ? 2 : 1)) ;;
    --software) device=software; shift ;;
    -*) usage >&2; exit 2 ;;
    *) break ;;
  esac
done
[ $# -eq 1 ] || [ $# -eq 2 ] || { usage >&2; exit 2; }
for stage in ${stages//,/ }; do
  case "$stage" in
    build | native | sanitize | conformance | bench | merge) ;;
    *) echo "run.sh: there is no stage '$stage'" >&2; usage >&2; exit 2 ;;
  esac
done

repository=$(realpath "$(dirname "$0")/../..")
published=$(realpath -m "$1")
build=$repository/build/gpu/$device
out=$(realpath -m "${2:-$repository/build/gpu/logs}")
limit=${INTERFUSE_GPU_TIMEOUT:-300}
mkdir -p "$out" "$build"

for program in "$published/interfuse" "$published/conformance/Interfuse.Compute.Tests"; do
  [ -x "$program" ] || { echo "run.sh: there is no $program; tests/gpu/publish.sh makes it" >&2; exit 2; }
done

# The driver, the kernels, and how the managed programs are told of them.
if [ "$device" = cuda ]; then
  driver=libcuda.so.1
  module=$build/lib/interfuse.fatbin
  parameters=${INTERFUSE_GPU_PARAMETERS:-1000000000}
  managed=(INTERFUSE_REQUIRE_GPU=1 INTERFUSE_FATBIN="$module")
else
  driver=$build/lib/libinterfuse_software_cuda.so
  module=$build/lib/interfuse_software_kernels.so
  parameters=${INTERFUSE_GPU_PARAMETERS:-1000000}
  managed=(INTERFUSE_REQUIRE_SOFTWARE_CUDA=1 INTERFUSE_SOFTWARE_DRIVER="$build/lib")
fi
native=(env INTERFUSE_CUDA_DRIVER="$driver" INTERFUSE_CUDA_MODULE="$module" "$build/bin/native_tests")
managed=(env DOTNET_BUNDLE_EXTRACT_BASE_DIR="$build/extract" TESTINGPLATFORM_TELEMETRY_OPTOUT=1 "${managed[@]}")

summary=()
failed=0

note() {
  summary+=("$(printf '%-32s %-8s %6s  %s' "$1" "$2" "$3" "$4")")
  echo "${summary[-1]}"
}

# step NAME COMMAND...: runs it into OUT_DIR/NAME.log and notes the outcome, with the log's last line.
step() {
  local name=$1 start=$SECONDS result=0 verdict=passed last
  shift
  timeout --kill-after=10 "$limit" "$@" > "$out/$name.log" 2>&1 || result=$?
  if [ "$result" != 0 ]; then
    verdict=FAILED
    failed=1
    [ "$result" != 124 ] || echo "stopped after $limit s" >> "$out/$name.log"
    tail -n 30 "$out/$name.log"
  fi
  last=$(grep -v '^[[:space:]]*$' "$out/$name.log" | tail -n 1 | cut -c1-100)
  note "$name" "$verdict" "$((SECONDS - start)) s" "$last"
  return "$result"
}

wanted() {
  [[ ",$stages," == *",$1,"* ]]
}

# --- build ---
build_native() {
  local generator=() cuda=ON
  [ "$device" = cuda ] || cuda=OFF
  ! command -v ninja > /dev/null || [ -e "$build/CMakeCache.txt" ] || generator=(-G Ninja)
  step configure cmake -S "$repository" -B "$build" "${generator[@]}" -DINTERFUSE_CUDA="$cuda" \
    && step build cmake --build "$build" --parallel \
    && step model-maker "${CXX:-c++}" -std=c++17 -O3 -pthread \
      -o "$build/bin/synthetic_model" "$repository/tests/gpu/synthetic_model.cpp"
}
{
  nvidia-smi
  nvcc --version
  cmake --version
  "${CXX:-c++}" --version
  nproc
  free -g
} > "$out/machine.log" 2>&1
if wanted build && ! build_native; then
  echo "run.sh: nothing was run, since the build failed; see $out" >&2
  exit 1
fi
[ -e "$module" ] || { echo "run.sh: there is no $module; run the stage 'build'" >&2; exit 2; }
! [ -e "$module.registers.txt" ] || cp "$module.registers.txt" "$out/registers.txt"

# --- native tests, then the same under compute-sanitizer ---
if wanted native; then
  step native-tests "${native[@]}"
fi

if wanted sanitize; then
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null)
  for tool in memcheck racecheck synccheck initcheck; do
    if [ "$device" = software ]; then
      note "$tool" "not run" "" "compute-sanitizer needs a GPU; the address and thread builds stand in for it here"
    elif [ -z "$sanitizer" ]; then
      note "$tool" FAILED "" "there is no compute-sanitizer in PATH or /usr/local/cuda/bin"
      failed=1
    else
      step "$tool" "$sanitizer" --tool "$tool" --error-exitcode 99 "${native[@]}"
    fi
  done
fi

# --- the managed conformance suite and the kernel table ---
if wanted conformance; then
  step conformance "${managed[@]}" "$published/conformance/Interfuse.Compute.Tests" --no-ansi --no-progress
fi

if wanted bench; then
  step bench-kernels "${managed[@]}" "$published/interfuse" bench kernels --device "$device"
fi

# --- merges: the same bytes on the device as on the CPU ---
models=$build/models
recipe() {
  local method=$1 sources=$2 each=$3 common=$4 name
  echo "merge_method: $method"
  [ "$method" = linear ] || echo "base_model: $models/base"
  echo "models:"
  for name in $sources; do
    printf '  - model: %s\n' "$models/$name"
    [ -z "$each" ] || printf '    parameters: {%s}\n' "$each"
  done
  [ -z "$common" ] || printf 'parameters: {%s}\n' "$common"
  echo "dtype: bfloat16"
}

# compare METHOD RECIPE_ARGUMENTS...: merges on both devices and compares the weights.
compare() {
  local method=$1 where cpu=$out/merge-$1-cpu.sha256 other=$out/merge-$1-$device.sha256
  shift
  recipe "$method" "$@" > "$out/merge-$method.yml"
  for where in cpu "$device"; do
    rm -rf "${models:?}/out-$where"
    step "merge-$method-$where" "${managed[@]}" "$published/interfuse" merge \
      "$out/merge-$method.yml" "$models/out-$where" --device "$where" || return
  done
  for where in cpu "$device"; do
    (cd "$models/out-$where" && sha256sum ./*.safetensors) > "$out/merge-$method-$where.sha256" || return
  done
  if [ -s "$cpu" ] && cmp -s "$cpu" "$other"; then
    note "same-bytes-$method" passed "" "sha256 $(head -n 1 "$cpu" | cut -c1-16)..."
  else
    note "same-bytes-$method" FAILED "" "the weights differ: $cpu, $other"
    failed=1
  fi
  rm -rf "${models:?}/out-cpu" "${models:?}/out-$device"
}

if wanted merge && step synthetic-model "$build/bin/synthetic_model" "$models" "$parameters"; then
  three="one two three"
  compare linear "$three" "weight: 0.3" ""
  compare slerp "base one" "" "t: 0.4"
  compare task_arithmetic "$three" "weight: 0.6" "lambda: 0.9"
  compare ties "$three" "weight: 0.8, density: 0.3" ""
  compare dare_linear "$three" "weight: 0.5, density: 0.4" ""
  compare dare_ties "$three" "weight: 0.5, density: 0.4" ""
  rm -rf "${models:?}"
fi

{
  echo
  gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2> /dev/null || echo "no GPU")
  echo "Interfuse on $device, $(date -u +%Y-%m-%dT%H:%M:%SZ): $gpu"
  printf '%s\n' "${summary[@]}"
} | tee "$out/summary.txt"
exit "$failed"
