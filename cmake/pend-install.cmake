# SPDX-License-Identifier: MIT
# Install rules: libraries, headers, the CMake package and the pkg-config file.
include(CMakePackageConfigHelpers)

set(pend_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pendmap)
set(pend_installed pendmap pendmap_static)
if(TARGET pendmap-jemalloc)
  list(APPEND pend_installed pendmap-jemalloc)
endif()
install(TARGETS ${pend_installed} EXPORT pendmap-targets FILE_SET HEADERS)
install(EXPORT pendmap-targets NAMESPACE pendmap:: DESTINATION ${pend_package_dir})

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/pendmap-config.cmake.in
  ${PROJECT_BINARY_DIR}/pendmap-config.cmake
  INSTALL_DESTINATION ${pend_package_dir}
  NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor release may change the interface.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/pendmap-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/pendmap-config.cmake
  ${PROJECT_BINARY_DIR}/pendmap-config-version.cmake
  DESTINATION ${pend_package_dir})

# The prefix is relative to the .pc file, so an installed tree may be moved.
file(RELATIVE_PATH PEND_PC_PREFIX
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(
  ${PROJECT_SOURCE_DIR}/cmake/pendmap.pc.in ${PROJECT_BINARY_DIR}/pendmap.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pendmap.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET pendmap-jemalloc)
  set(PEND_PC_JEMALLOC_REQUIRES pendmap)
  if(PEND_NUMA)
    string(APPEND PEND_PC_JEMALLOC_REQUIRES " numa") # of the archive itself
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/pendmap-jemalloc.pc.in
    ${PROJECT_BINARY_DIR}/pendmap-jemalloc.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/pendmap-jemalloc.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
