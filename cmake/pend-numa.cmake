# SPDX-License-Identifier: MIT
# libnuma, for platform/numa.c: PEND_NUMA=OFF builds without it, and no memory is placed.
option(PEND_NUMA "Place memory on the node of its CPU, through libnuma" ON)

if(PEND_NUMA)
  find_path(PEND_NUMA_INCLUDE numa.h)
  find_library(PEND_NUMA_LIBRARY numa)
  mark_as_advanced(PEND_NUMA_INCLUDE PEND_NUMA_LIBRARY)
  if(NOT PEND_NUMA_INCLUDE OR NOT PEND_NUMA_LIBRARY)
    message(FATAL_ERROR "libnuma is missing: install libnuma-dev, or configure with -DPEND_NUMA=OFF")
  endif()
  list(APPEND PEND_LINK_LIBRARIES numa)
  string(APPEND PEND_PC_REQUIRES_PRIVATE " numa")
endif()
