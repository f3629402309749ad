# The processors that the kernels are compiled for: machine code for each, and PTX of the newest for what comes after it.

set(INTERFUSE_CUDA_ARCHITECTURES "80;90" CACHE STRING "Compute capabilities to compile machine code for, without the dot")

# Sets OUT to nvcc's -gencode options.
function(interfuse_gencode_options out)
  set(options)
  set(newest 0)
  foreach(architecture IN LISTS INTERFUSE_CUDA_ARCHITECTURES)
    if(NOT architecture MATCHES "^[0-9]+$")
      message(FATAL_ERROR "INTERFUSE_CUDA_ARCHITECTURES has '${architecture}'; expected numbers like 80;90")
    endif()
    list(APPEND options "-gencode=arch=compute_${architecture},code=sm_${architecture}")
    if(architecture GREATER newest)
      set(newest ${architecture})
    endif()
  endforeach()
  list(APPEND options "-gencode=arch=compute_${newest},code=compute_${newest}")
  set(${out} ${options} PARENT_SCOPE)
endfunction()
