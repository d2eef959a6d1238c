# SPDX-License-Identifier: MIT
# The two libraries that a user links: pendmap::pendmap (shared) and pendmap::pendmap_static.
# Both are made of the objects of pendmap_objects, in releases twice (pend-dual.cmake), and carry the
# public headers.
set(PEND_PUBLIC_HEADERS
  include/pendmap/allocator.h
  include/pendmap/backend.h
  include/pendmap/continuation.h
  include/pendmap/control.h
  include/pendmap/custom_map.h
  include/pendmap/engine.h
  include/pendmap/epoch.h
  include/pendmap/export.h
  include/pendmap/helpers.h
  include/pendmap/hook.h
  include/pendmap/identity.h
  include/pendmap/link.h
  include/pendmap/lookup.h
  include/pendmap/map.h
  include/pendmap/operation.h
  include/pendmap/pendmap.h
  include/pendmap/program.h
  include/pendmap/registry.h
  include/pendmap/session.h
  include/pendmap/simulator.h
  include/pendmap/sock_addr.h
  include/pendmap/upstream.h)

# Also where C++ is enabled, for what pendbench compares with, they are checked as C headers.
set_source_files_properties(${PEND_PUBLIC_HEADERS} PROPERTIES LANGUAGE C)

include(cmake/pend-dual.cmake)
set(objects $<TARGET_OBJECTS:pendmap_objects>)
if(PEND_IS_DUAL)
  set(objects ${pend_dual}/dual.o)
endif()
add_library(pendmap SHARED ${objects})
add_library(pendmap_static STATIC ${objects})

if(PEND_IS_DUAL)
  add_dependencies(pendmap pendmap_dual_object)
  add_dependencies(pendmap_static pendmap_dual_object)
endif()

foreach(library IN ITEMS pendmap pendmap_static)
  add_library(pendmap::${library} ALIAS ${library})
  target_link_libraries(${library} PRIVATE
    ${PEND_LINK_LIBRARIES} $<BUILD_INTERFACE:pendmap_build_flags>)
  target_compile_features(${library} INTERFACE c_std_11)
  target_sources(${library} PUBLIC
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${PEND_PUBLIC_HEADERS})
  set_target_properties(${library} PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME pendmap)
endforeach()

# Only pend_* leaves the shared library, under the version node of the release that added it.
set(pend_map ${PROJECT_SOURCE_DIR}/cmake/pendmap.map)
# nodelete: threads that end after a dlclose() still run the registry's destructor.
target_link_options(pendmap PRIVATE LINKER:--version-script=${pend_map} LINKER:-z,nodelete)
if(NOT PEND_SANITIZE) # a sanitizer's runtime is found at load time only
  target_link_options(pendmap PRIVATE LINKER:-z,defs)
endif()
set_target_properties(pendmap PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${pend_map}
  VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})

# Every public header must compile alone; a default build checks it.
if(PROJECT_IS_TOP_LEVEL)
  add_custom_target(pendmap_headers_stand_alone ALL)
  add_dependencies(pendmap_headers_stand_alone pendmap_verify_interface_header_sets)
endif()
