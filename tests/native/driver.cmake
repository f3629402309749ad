# The driver's own tests. A group is a process with an environment of its own.

add_executable(driver_tests
    driver/main.cpp driver/checks.cpp driver/context_tests.cpp driver/fault_tests.cpp driver/launch_tests.cpp
    driver/memory_tests.cpp driver/stream_tests.cpp)
set_target_properties(driver_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
target_link_libraries(driver_tests PRIVATE software_cuda interfuse_harness)
add_dependencies(driver_tests deliberate_bugs_module)

function(driver_group group)
    interfuse_native_test(native.driver.${group} driver_tests ${group} ${in_build}/deliberate_bugs.so
        ENVIRONMENT ${ARGN})
endfunction()

driver_group(main)
driver_group(uninitialised)
driver_group(no_devices INTERFUSE_SOFTWARE_DEVICES=0)
driver_group(two_devices INTERFUSE_SOFTWARE_DEVICES=2)
driver_group(memory_limit INTERFUSE_SOFTWARE_MEMORY=1000000)
driver_group(bad_environment INTERFUSE_SOFTWARE_ORDER=sideways)
driver_group(fault_in_environment INTERFUSE_SOFTWARE_FAULT=alloc:1)
