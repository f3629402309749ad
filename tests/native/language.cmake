# The CUDA language as the emulation supplies it, in every order, and the harness's own parts.

interfuse_software_module(language_module language ${CMAKE_CURRENT_SOURCE_DIR}/language/language.cu)
add_executable(language_tests runner.cpp language/language.cpp)
set_target_properties(language_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
target_link_libraries(language_tests PRIVATE interfuse_harness)
add_dependencies(language_tests software_cuda language_module)
foreach(order forward reverse shuffled)
    interfuse_native_test(native.language.${order} language_tests
        ENVIRONMENT INTERFUSE_CUDA_MODULE=language.so INTERFUSE_SOFTWARE_ORDER=${order})
endforeach()
