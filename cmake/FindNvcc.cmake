# Finds nvcc, alone or in a CUDA toolkit, and how it must be called with this machine's C++ compiler.
#
#   Nvcc_FOUND, Nvcc_EXECUTABLE, Nvcc_VERSION
#   Nvcc_FLAGS                what every call needs (host compiler)
#   Nvcc_NOT_FOUND_MESSAGE    why there is none
#
# Looked at, in this order: CUDACXX; CUDA_HOME and CUDA_PATH; PATH; /usr/local/cuda; the folders of cmake/install-nvcc.sh.
# CUDAHOSTCXX names another host compiler than nvcc's own choice.

if(DEFINED ENV{CUDACXX} AND NOT Nvcc_EXECUTABLE)
  find_program(Nvcc_EXECUTABLE "$ENV{CUDACXX}" NO_CACHE)
  if(NOT Nvcc_EXECUTABLE)
    message(FATAL_ERROR "CUDACXX is '$ENV{CUDACXX}', and there is no such program")
  endif()
  set(Nvcc_EXECUTABLE "${Nvcc_EXECUTABLE}" CACHE FILEPATH "The CUDA compiler")
endif()

# A compiler that was there at the last configuration may be gone.
if(Nvcc_EXECUTABLE AND NOT EXISTS "${Nvcc_EXECUTABLE}")
  unset(Nvcc_EXECUTABLE CACHE)
endif()

if(DEFINED ENV{XDG_CACHE_HOME})
  set(nvcc_cache "$ENV{XDG_CACHE_HOME}")
else()
  set(nvcc_cache "$ENV{HOME}/.cache")
endif()
find_program(Nvcc_EXECUTABLE nvcc DOC "The CUDA compiler"
  HINTS ENV CUDA_HOME ENV CUDA_PATH
  PATHS /usr/local/cuda "${nvcc_cache}/interfuse/nvcc" /opt/interfuse-nvcc "${CMAKE_SOURCE_DIR}/build/nvcc"
  PATH_SUFFIXES bin)
mark_as_advanced(Nvcc_EXECUTABLE)

if(Nvcc_EXECUTABLE)
  execute_process(COMMAND "${Nvcc_EXECUTABLE}" --version OUTPUT_VARIABLE nvcc_banner ERROR_QUIET)
  if(nvcc_banner MATCHES "V([0-9]+\\.[0-9]+\\.[0-9]+)")
    set(Nvcc_VERSION "${CMAKE_MATCH_1}")
  endif()

  set(Nvcc_FLAGS)
  if(DEFINED ENV{CUDAHOSTCXX})
    set(Nvcc_FLAGS "-ccbin=$ENV{CUDAHOSTCXX}")
  endif()

  # Each nvcc knows host compilers up to some version and refuses later ones, which our kernels, being free of the host's
  # headers, do not mind. So a refusal is answered with the flag that lifts it.
  set(nvcc_probe "${CMAKE_BINARY_DIR}/CMakeFiles/nvcc-probe")
  file(WRITE "${nvcc_probe}.cu" "__global__ void probe(float* y) { y[threadIdx.x] *= 2.0f; }\n")
  foreach(nvcc_extra "" "-allow-unsupported-compiler")
    execute_process(
      COMMAND "${Nvcc_EXECUTABLE}" ${Nvcc_FLAGS} ${nvcc_extra} -std=c++17 --ptx -o "${nvcc_probe}.ptx" "${nvcc_probe}.cu"
      RESULT_VARIABLE nvcc_status OUTPUT_VARIABLE nvcc_log ERROR_VARIABLE nvcc_log)
    if(nvcc_status EQUAL 0)
      list(APPEND Nvcc_FLAGS ${nvcc_extra})
      break()
    endif()
  endforeach()
  if(NOT nvcc_status EQUAL 0)
    set(Nvcc_VERSION)
    set(Nvcc_NOT_FOUND_MESSAGE "${Nvcc_EXECUTABLE} does not compile a kernel:\n${nvcc_log}")
  endif()
else()
  set(Nvcc_NOT_FOUND_MESSAGE
    "no nvcc in CUDACXX, CUDA_HOME, CUDA_PATH, PATH, /usr/local/cuda or ${nvcc_cache}/interfuse/nvcc")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Nvcc REQUIRED_VARS Nvcc_EXECUTABLE Nvcc_VERSION VERSION_VAR Nvcc_VERSION
  REASON_FAILURE_MESSAGE "${Nvcc_NOT_FOUND_MESSAGE}")
if(NOT Nvcc_FOUND AND NOT Nvcc_VERSION AND NOT Nvcc_NOT_FOUND_MESSAGE)
  set(Nvcc_NOT_FOUND_MESSAGE "${Nvcc_EXECUTABLE} --version does not answer as nvcc does")
elseif(NOT Nvcc_FOUND AND NOT Nvcc_NOT_FOUND_MESSAGE)
  set(Nvcc_NOT_FOUND_MESSAGE "${Nvcc_EXECUTABLE} is version ${Nvcc_VERSION}; ${Nvcc_FIND_VERSION} or later is needed")
endif()
