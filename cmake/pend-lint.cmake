# SPDX-License-Identifier: MIT
# The lints, as tests of the plain builds: a sanitizer run would only repeat them.
if(PEND_SANITIZE)
  return()
endif()
find_package(Python3 COMPONENTS Interpreter)

function(pend_add_lint name script)
  add_test(NAME lint.${name} COMMAND Python3::Interpreter -B
    ${PROJECT_SOURCE_DIR}/tools/${script} ${ARGN})
  set_tests_properties(lint.${name} PROPERTIES LABELS lint TIMEOUT 60 SKIP_RETURN_CODE 77)
  if(NOT Python3_FOUND)
    set_tests_properties(lint.${name} PROPERTIES DISABLED TRUE)
  endif()
endfunction()

pend_add_lint(edges check_edges.py ${PROJECT_SOURCE_DIR})
pend_add_lint(edges.self-test check_edges.py --self-test)
pend_add_lint(planted check_planted.py ${PROJECT_SOURCE_DIR})
pend_add_lint(size check_size.py ${PROJECT_SOURCE_DIR})
pend_add_lint(docs check_docs.py ${PROJECT_SOURCE_DIR})
pend_add_lint(format check_format.py ${PROJECT_SOURCE_DIR})
