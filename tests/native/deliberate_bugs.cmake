# Which bug is caught by which build, and by what. Each runs in a process of its own, since a sanitizer ends it.

interfuse_software_module(deliberate_bugs_module deliberate_bugs ${CMAKE_CURRENT_SOURCE_DIR}/deliberate_bugs.cu)
# The compiler sees through some of the bugs; that they compile is the point.
target_compile_options(deliberate_bugs_module PRIVATE -Wno-array-bounds -Wno-shift-count-overflow)

add_executable(deliberate_bugs deliberate_bugs.cpp)
set_target_properties(deliberate_bugs PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
target_link_libraries(deliberate_bugs PRIVATE interfuse_harness)
add_dependencies(deliberate_bugs software_cuda deliberate_bugs_module)

# bug(KERNEL EXPECTED [ORDER]): EXPECTED is a regular expression over what the process prints.
function(bug kernel expected)
    set(order forward)
    if(ARGC GREATER 2)
        set(order ${ARGV2})
    endif()
    interfuse_native_test(native.bugs.${kernel}.${order} deliberate_bugs ${kernel}
        PASS "${expected}"
        ENVIRONMENT INTERFUSE_CUDA_MODULE=deliberate_bugs.so INTERFUSE_SOFTWARE_ORDER=${order})
endfunction()

# Correct kernels are left alone in every build and every order.
foreach(kernel block_sum reverse half_warps last_block early_return)
    foreach(order forward reverse shuffled)
        bug(good_${kernel} "^clean\n?$" ${order})
    endforeach()
endforeach()

# What the runtime itself sees, in every build and every order.
foreach(order forward reverse shuffled)
    bug(bug_divergent_shuffle "thread .*: divergent warp operation: .*CUDA_ERROR_LAUNCH_FAILED" ${order})
    bug(bug_outside_own_mask "leaves out the calling lane .*CUDA_ERROR_LAUNCH_FAILED" ${order})
    bug(bug_shuffle_with_returned_lanes "returned.*CUDA_ERROR_LAUNCH_FAILED" ${order})
    bug(bug_shuffle_from_missing_lane "reads lane .* which is not there.*CUDA_ERROR_LAUNCH_FAILED" ${order})
    bug(bug_deadlock "deadlock: waits at __syncwarp .*CUDA_ERROR_LAUNCH_FAILED" ${order})
    bug(bug_divergent_barrier "divergent barrier.*CUDA_ERROR_LAUNCH_FAILED" ${order})
    bug(bug_trap "block .1,0,0., thread .7,0,0.: __trap.*CUDA_ERROR_LAUNCH_FAILED" ${order})
endforeach()

if(INTERFUSE_SANITIZE STREQUAL "address")
    bug(bug_global_overrun "AddressSanitizer: heap-buffer-overflow.*deliberate_bugs.cu:[0-9]+")
    bug(bug_static_shared_overrun "AddressSanitizer: global-buffer-overflow.*deliberate_bugs.cu:[0-9]+")
    bug(bug_dynamic_shared_overrun "AddressSanitizer: heap-buffer-overflow.*deliberate_bugs.cu:[0-9]+")
    bug(bug_undefined_shift "deliberate_bugs.cu:[0-9:]+ runtime error: shift exponent")
elseif(INTERFUSE_SANITIZE STREQUAL "thread")
    foreach(kernel missing_barrier missing_warp_barrier unsynchronised_write write_across_blocks)
        bug(bug_${kernel} "ThreadSanitizer: data race.*deliberate_bugs.cu:[0-9]+")
    endforeach()
else()
    # Forward order hides it: a thread only reads what earlier threads wrote.
    bug(bug_missing_barrier "^clean" forward)
    bug(bug_missing_barrier "wrong: element " reverse)
    bug(bug_missing_barrier "wrong: element " shuffled)
    bug(bug_global_overrun "wrote beyond the end of the device memory.*CUDA_ERROR_ILLEGAL_ADDRESS")
    bug(bug_uninitialised_shared "wrong: element 63 is -?nan")
    bug(bug_uninitialised_dynamic_shared "wrong: element 63 is -?nan")
endif()
