# SPDX-License-Identifier: MIT
# pend_add_mutants(<folder> <timeout> [NIGHTLY])
# Registers the mutants.py of the calling folder as mutant.<folder>. The mutants are compiled from
# the sources, the same way in every build: once is enough. NIGHTLY: chance kills some of them, in
# torture tests, which takes its time.
function(pend_add_mutants folder timeout)
  if(PEND_SANITIZE)
    return()
  endif()
  find_package(Python3 COMPONENTS Interpreter)
  add_test(NAME mutant.${folder}
    COMMAND Python3::Interpreter -B ${CMAKE_CURRENT_SOURCE_DIR}/mutants.py ${PROJECT_SOURCE_DIR}
      --compiler ${CMAKE_C_COMPILER})
  set(labels mutant)
  if("NIGHTLY" IN_LIST ARGN)
    list(APPEND labels nightly)
  endif()
  set_tests_properties(mutant.${folder} PROPERTIES
    LABELS "${labels}" TIMEOUT ${timeout} RUN_SERIAL TRUE SKIP_RETURN_CODE 77)
  if(NOT Python3_FOUND)
    set_tests_properties(mutant.${folder} PROPERTIES DISABLED TRUE)
  endif()
endfunction()
