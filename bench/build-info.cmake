# SPDX-License-Identifier: MIT
# Writes bench_build.h at build time, so that the commit in it is the one that was built; leaves
# the file alone while nothing changed. Run with -D for each variable that the template names.
set(BENCH_BUILD_COMMIT unknown)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} rev-parse --short=12 HEAD
    WORKING_DIRECTORY ${BENCH_SOURCE} RESULT_VARIABLE failed
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed)
    execute_process(COMMAND ${GIT} status --porcelain --untracked-files=no
      WORKING_DIRECTORY ${BENCH_SOURCE} OUTPUT_VARIABLE changes ERROR_QUIET)
    set(BENCH_BUILD_COMMIT ${commit})
    if(changes)
      string(APPEND BENCH_BUILD_COMMIT -dirty)
    endif()
  endif()
endif()
string(STRIP "${BENCH_BUILD_FLAGS}" BENCH_BUILD_FLAGS)
configure_file(${BENCH_TEMPLATE} ${BENCH_HEADER} @ONLY)
