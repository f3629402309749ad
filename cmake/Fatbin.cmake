# interfuse_add_fatbin(TARGET SOURCE OUTPUT): compiles one CUDA source, and what it includes, into a fatbin.
#
# Beside OUTPUT lies OUTPUT.registers.txt: registers, shared memory and spills of every kernel and processor.

include(CudaArchitectures)

function(interfuse_add_fatbin target source output)
  interfuse_gencode_options(gencode)
  cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  set(script "${PROJECT_SOURCE_DIR}/cmake/CompileFatbin.cmake")

  cmake_path(GET output PARENT_PATH folder)
  file(MAKE_DIRECTORY "${folder}")

  # --fmad=false: one rounding per operation, as on the CPU. Compressed, since the file travels in the assembly.
  # -lineinfo: source lines for the profiler and the sanitizer; ptxas 11.8 dies of them over attention.cu for sm_90.
  if(Nvcc_VERSION VERSION_LESS 12)
    set(lines "")
  else()
    set(lines -lineinfo)
  endif()
  set(flags ${Nvcc_FLAGS} -std=c++17 -O3 --fmad=false ${lines} -Xfatbin=-compress-all -Werror all-warnings -Xptxas=-v
    ${gencode})
  add_custom_command(OUTPUT "${output}" "${output}.registers.txt"
    COMMAND "${CMAKE_COMMAND}" "-DREPORT=${output}.registers.txt" -P "${script}" --
      "${Nvcc_EXECUTABLE}" ${flags} --fatbin -MD -MF "${output}.d" -MT "${output}" -o "${output}" "${source}"
    DEPENDS "${source}" "${Nvcc_EXECUTABLE}" "${script}"
    DEPFILE "${output}.d"
    COMMENT "Compiling ${output} with nvcc ${Nvcc_VERSION}"
    VERBATIM COMMAND_EXPAND_LISTS)
  add_custom_target(${target} ALL DEPENDS "${output}")
endfunction()
