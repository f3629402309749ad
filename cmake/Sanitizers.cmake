# INTERFUSE_SANITIZE: the whole build, libraries and tests, under one sanitizer.

if(INTERFUSE_SANITIZE STREQUAL "address")
  set(flags -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(INTERFUSE_SANITIZE STREQUAL "thread")
  set(flags -fsanitize=thread)
elseif(NOT INTERFUSE_SANITIZE)
  return()
else()
  message(FATAL_ERROR "INTERFUSE_SANITIZE is '${INTERFUSE_SANITIZE}'; expected OFF, address or thread")
endif()

# -O1 comes after the build type's own level and so replaces it: reports then name the right line.
add_compile_options(${flags} -O1 -g -fno-omit-frame-pointer)
add_link_options(${flags})
