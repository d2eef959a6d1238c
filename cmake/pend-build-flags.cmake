# SPDX-License-Identifier: MIT
# The flags that every target of ours gets and no consumer inherits: pendmap_build_flags is
# linked PRIVATE and never exported.
add_library(pendmap_build_flags INTERFACE)
target_compile_features(pendmap_build_flags INTERFACE c_std_17)
target_compile_definitions(pendmap_build_flags INTERFACE
  _GNU_SOURCE)
target_compile_options(pendmap_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wvla -Wcast-qual
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
  $<$<NOT:$<CONFIG:Release>>:-fno-omit-frame-pointer>
  $<$<BOOL:${PEND_WERROR}>:-Werror>
  $<$<BOOL:${PEND_NATIVE}>:-march=native>)

if(PEND_SANITIZE) # a plain if(): the value may hold a comma, which $<BOOL:> rejects
  target_compile_options(pendmap_build_flags INTERFACE
    -fsanitize=${PEND_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(pendmap_build_flags INTERFACE -fsanitize=${PEND_SANITIZE})
endif()

# Valgrind's tools know no C11 atomics: for them, all is built with atomics that announce what they
# order, and the torture tests run under the tool (PEND_TEST_RUNNER, pend-test.cmake).
set(PEND_VALGRIND "" CACHE STRING "Valgrind tool to run tests under: helgrind | drd | memcheck")
set_property(CACHE PEND_VALGRIND PROPERTY STRINGS "" helgrind drd memcheck)
if(PEND_VALGRIND)
  if(NOT PEND_VALGRIND MATCHES "^(helgrind|drd|memcheck)$" OR PEND_SANITIZE)
    message(FATAL_ERROR "PEND_VALGRIND is \"${PEND_VALGRIND}\": "
      "it must be helgrind, drd or memcheck, and PEND_SANITIZE empty")
  endif()
  target_compile_definitions(pendmap_build_flags INTERFACE PENDI_VALGRIND PENDI_PLANT_EDGE)
endif()

# What tools/coverage.py reads: lines, branches and MC/DC of clang. Counters are atomic, because the
# count of one side of a branch may be a difference of two. It warns of decisions that it does not
# measure, so warnings are no errors.
option(PEND_COVERAGE "Count what is reached (clang 18 or later; see ./dev coverage)" OFF)
if(PEND_COVERAGE)
  target_compile_definitions(pendmap_build_flags INTERFACE PENDI_COVERAGE=1)
  target_compile_options(pendmap_build_flags INTERFACE
    -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc -fprofile-update=atomic -Wno-error)
  target_link_options(pendmap_build_flags INTERFACE
    -fprofile-instr-generate LINKER:--wrap=_exit)
  add_library(pendi_coverage_exit STATIC tests/coverage/exit.c)
  target_link_libraries(pendmap_build_flags INTERFACE pendi_coverage_exit)
endif()
