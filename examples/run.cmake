# SPDX-License-Identifier: MIT
# cmake -DPROGRAM=... -DEXPECTED=... -P run.cmake: runs an example and compares its output.
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE output RESULT_VARIABLE result)
file(READ ${EXPECTED} expected)
if(result OR NOT output STREQUAL expected)
  message(FATAL_ERROR "returned ${result} and printed:\n${output}\nexpected:\n${expected}")
endif()
