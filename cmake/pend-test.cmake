# SPDX-License-Identifier: MIT
# pend_add_test(NAME <name> SOURCES <file>... LABEL unit|torture|lint|doc TIMEOUT <seconds>
#               [CRITERION] [LIBRARIES <target>...] [ARGS <argument>...] [CASES <case>...])
#
# Builds the executable <name> from the sources, the library's objects (hidden symbols included)
# and the given libraries, and registers it with ctest as <label>.<name>. Exit status 77 means
# skipped. CRITERION links the Criterion framework; such a test does not exist in a thread
# sanitizer build, which Criterion does not survive, and is listed as disabled where Criterion is
# not installed. A torture test of a build for valgrind (PEND_VALGRIND) runs under it. With CASES
# there is one test for each of them, <label>.<name>.<case>, with --only <case> as last arguments.
find_package(PkgConfig)
if(PkgConfig_FOUND)
  pkg_check_modules(CRITERION QUIET IMPORTED_TARGET criterion)
endif()

set(PEND_TEST_ENVIRONMENT
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:history_size=4
  ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
  UBSAN_OPTIONS=print_stacktrace=1)

# What torture tests are started with: nothing, or valgrind. Then they have the label of the tool
# too, which is what `./dev helgrind` runs; tests of one thread or under Criterion do not exist.
# Nothing is suppressed but what valgrind itself does by default: glibc's own accesses inside
# pthread_mutex_..., pthread_cond_... and pthread_once(), which the tool takes for a program's.
set(PEND_TEST_RUNNER)
set(PEND_TEST_LABELS)
if(PEND_VALGRIND)
  find_program(PEND_VALGRIND_PROGRAM valgrind REQUIRED)
  # Without --fair-sched the thread that yields is mostly the next to run.
  set(PEND_TEST_RUNNER ${PEND_VALGRIND_PROGRAM} --tool=${PEND_VALGRIND} --fair-sched=yes
    --error-exitcode=99)
  set(PEND_TEST_LABELS ${PEND_VALGRIND})
endif()

# pend_scaled(<variable> <whole> <least>)
# Sets the variable to PEND_TEST_PERCENT of the whole, and to the least at least.
function(pend_scaled variable whole least)
  math(EXPR scaled "${whole} * ${PEND_TEST_PERCENT} / 100")
  if(scaled LESS least)
    set(scaled ${least})
  endif()
  set(${variable} ${scaled} PARENT_SCOPE)
endfunction()

function(pend_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "CRITERION" "NAME;LABEL;TIMEOUT"
    "SOURCES;LIBRARIES;ARGS;CASES")
  foreach(needed IN ITEMS NAME SOURCES LABEL TIMEOUT)
    if(NOT arg_${needed})
      message(FATAL_ERROR "pend_add_test: ${needed} is missing")
    endif()
  endforeach()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pend_add_test(${arg_NAME}): unknown ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_LABEL MATCHES "^(unit|torture|lint|doc)$")
    message(FATAL_ERROR "pend_add_test(${arg_NAME}): unknown label ${arg_LABEL}")
  endif()

  if(arg_CRITERION AND (PEND_VALGRIND OR PEND_SANITIZE MATCHES "thread"))
    return()
  endif()
  set(test ${arg_LABEL}.${arg_NAME})
  if(arg_CRITERION AND NOT CRITERION_FOUND)
    add_test(NAME ${test} COMMAND ${arg_NAME})
    set_tests_properties(${test} PROPERTIES LABELS ${arg_LABEL} DISABLED TRUE)
    return()
  endif()

  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE
    pendmap_build_flags pendmap_objects Threads::Threads ${arg_LIBRARIES})
  if(arg_CRITERION)
    target_link_libraries(${arg_NAME} PRIVATE PkgConfig::CRITERION)
  endif()
  set(runner ${CMAKE_CROSSCOMPILING_EMULATOR})
  set(labels ${arg_LABEL})
  if(arg_LABEL STREQUAL "torture")
    list(PREPEND runner ${PEND_TEST_RUNNER})
    list(APPEND labels ${PEND_TEST_LABELS})
  endif()
  set(tests)
  foreach(case IN LISTS arg_CASES)
    list(APPEND tests ${test}.${case})
    add_test(NAME ${test}.${case}
      COMMAND ${runner} $<TARGET_FILE:${arg_NAME}> ${arg_ARGS} --only ${case})
  endforeach()
  if(NOT tests)
    set(tests ${test})
    add_test(NAME ${test} COMMAND ${runner} $<TARGET_FILE:${arg_NAME}> ${arg_ARGS})
  endif()
  set_tests_properties(${tests} PROPERTIES
    LABELS "${labels}"
    TIMEOUT ${arg_TIMEOUT}
    SKIP_RETURN_CODE 77
    ENVIRONMENT "${PEND_TEST_ENVIRONMENT}")
endfunction()
