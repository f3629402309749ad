# cmake -P cmake/BuildManagedNeeds.cmake: what the managed tests need of the native half, built into build/native.
#
# cmake/Native.proj calls this in every build, so it is quick and silent when there is nothing to do, safe when two builds
# run at once, and no error where there is no compiler: the tests that need the result then say that they did not run.

cmake_minimum_required(VERSION 3.25)
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH source)
set(build "${source}/build/native")

if(NOT CMAKE_HOST_LINUX)
  message(NOTICE "The software CUDA driver is not built: it is for Linux")
  return()
endif()

find_program(compiler NAMES $ENV{CXX} c++ g++ clang++)
find_program(ninja NAMES ninja ninja-build)
find_program(make NAMES make gmake)
if(NOT compiler OR NOT (ninja OR make))
  message(NOTICE "The software CUDA driver is not built: no C++ compiler, or neither ninja nor make "
    "(Debian: apt-get install g++ ninja-build)")
  return()
endif()

function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE log ERROR_VARIABLE log)
  if(NOT status EQUAL 0)
    message(NOTICE "${log}")
    message(FATAL_ERROR "${what} the native half failed; the output above says why (folder ${build})")
  endif()
endfunction()

file(MAKE_DIRECTORY "${build}")
file(LOCK "${build}/.managed-build.lock" GUARD PROCESS TIMEOUT 1200 RESULT_VARIABLE lock)
if(NOT lock EQUAL 0)
  message(FATAL_ERROR "Another build holds ${build}/.managed-build.lock for 20 minutes (${lock})")
endif()

# A tree that someone configured by hand keeps its generator and options; one that was moved here starts afresh.
set(options)
set(cached)
if(EXISTS "${build}/CMakeCache.txt")
  file(STRINGS "${build}/CMakeCache.txt" cached REGEX "^CMAKE_HOME_DIRECTORY:")
endif()
if(NOT cached STREQUAL "CMAKE_HOME_DIRECTORY:INTERNAL=${source}")
  set(options --fresh)
  if(ninja)
    list(APPEND options -G Ninja)
  endif()
endif()
run("Configuring" "${CMAKE_COMMAND}" -S "${source}" -B "${build}" ${options})
run("Building" "${CMAKE_COMMAND}" --build "${build}" --parallel --target interfuse_managed_needs)
