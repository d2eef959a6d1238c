# SPDX-License-Identifier: MIT
# Registers package.<mode> with ctest; see run.cmake.
set(pend_with_jemalloc $<TARGET_EXISTS:pendmap-jemalloc>)
foreach(mode IN ITEMS find_package add_subdirectory pkg_config exports)
  add_test(NAME package.${mode} COMMAND ${CMAKE_COMMAND}
    -DMODE=${mode} -DSOURCE=${PROJECT_SOURCE_DIR} -DBINARY=${PROJECT_BINARY_DIR}
    -DCOMPILER=${CMAKE_C_COMPILER} -DLIBDIR=${CMAKE_INSTALL_LIBDIR}
    -DJEMALLOC=${pend_with_jemalloc}
    -P ${CMAKE_CURRENT_LIST_DIR}/run.cmake)
  set_tests_properties(package.${mode} PROPERTIES
    LABELS package TIMEOUT 180 RESOURCE_LOCK pendmap-install) # one install manifest for all
endforeach()
