# C++ options of every target.

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)

# Warnings are errors; `cmake --compile-no-warning-as-error` switches that off for a compiler we have not met.
set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
add_compile_options(-Wall -Wextra)

# The arithmetic contract: one rounding per operation, never a fused multiply-add that the source does not ask for.
add_compile_options(-ffp-contract=off)
