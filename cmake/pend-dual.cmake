# SPDX-License-Identifier: MIT
# The library with its core twice: native, and annotated for helgrind and drd (platform/dual/dual.c).
#
#	pendmap_objects   -r-> native.o     pend_x becomes pendi_native_x
#	pendmap_annotated -r-> annotated.o  pend_x becomes pendi_annotated_x, all else local
#	both and dual.c   -r-> dual.o       pendi_native_x becomes a local pend_x, beside the public one
#
# dual.o is all that the shared and the static library are made of. The local names are for
# debuggers and profilers, which find the function that runs under the name that it has in the source.
# The native core's internal names are weak: libpendmap-jemalloc.a has some of them too.
# Tests that link pendmap_objects reach the native core as before.
set(PEND_DUAL AUTO CACHE STRING
  "Hold the core a second time, for helgrind and drd: AUTO (releases that can) | ON | OFF")
set_property(CACHE PEND_DUAL PROPERTY STRINGS AUTO ON OFF)
find_path(PEND_VALGRIND_HEADERS valgrind/helgrind.h)
mark_as_advanced(PEND_VALGRIND_HEADERS)

# pend_dual_missing(<variable>): what stands in the way of a dual library, or nothing.
function(pend_dual_missing result)
  set(missing "")
  if(PEND_SANITIZE OR PEND_VALGRIND OR PEND_COVERAGE)
    set(missing "a build without sanitizers, for no one tool of valgrind, that counts no coverage")
  elseif(NOT PEND_EPOCH STREQUAL "native")
    set(missing "PEND_EPOCH=native: liburcu announces nothing to valgrind")
  elseif(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|aarch64|arm64)$")
    set(missing "x86-64 or arm64")
  elseif(CMAKE_INTERPROCEDURAL_OPTIMIZATION OR CMAKE_C_FLAGS MATCHES "-flto")
    set(missing "objects that are machine code already: no link-time optimization")
  elseif(NOT CMAKE_OBJCOPY)
    set(missing "objcopy")
  elseif(NOT PEND_VALGRIND_HEADERS)
    set(missing "valgrind/helgrind.h (the package valgrind)")
  else()
    include(CheckCSourceCompiles)
    check_c_source_compiles("
      #include <features.h>
      #ifndef __GLIBC__
      #error the dynamic linker may not know IFUNC
      #endif
      static void chosen(void) {}
      static void (*choose(void))(void) { return chosen; }
      __attribute__((ifunc(\"choose\"))) void function(void);
      int main(void) { function(); return 0; }" PEND_HAVE_IFUNC)
    if(NOT PEND_HAVE_IFUNC)
      set(missing "glibc, and a compiler and a linker that know IFUNC")
    endif()
  endif()
  set(${result} "${missing}" PARENT_SCOPE)
endfunction()

set(PEND_IS_DUAL OFF)
pend_dual_missing(missing)
if(PEND_DUAL STREQUAL "AUTO")
  # Elsewhere it would only double the time of each build.
  if(CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$")
    if(missing)
      message(STATUS "Not for helgrind and drd (PEND_DUAL): that needs ${missing}")
    else()
      set(PEND_IS_DUAL ON)
    endif()
  endif()
elseif(PEND_DUAL)
  if(missing)
    message(FATAL_ERROR "PEND_DUAL needs ${missing}")
  endif()
  set(PEND_IS_DUAL ON)
endif()
if(NOT PEND_IS_DUAL)
  return()
endif()

# The public functions, and the lists of names for objcopy.
set(pend_dual ${PROJECT_BINARY_DIR}/dual)
set(functions "")
foreach(header IN LISTS PEND_PUBLIC_HEADERS)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${header})
  file(READ ${header} text)
  string(REGEX MATCHALL "\nPEND_API [^(;]*\\(" declarations "${text}")
  foreach(declaration IN LISTS declarations)
    string(REGEX MATCH "((pend|bpf)_[a-z0-9_]+)\\($" name "${declaration}")
    list(APPEND functions ${CMAKE_MATCH_1})
  endforeach()
endforeach()
set(lines "")
foreach(function IN LISTS functions)
  string(APPEND lines "PENDI_DUAL(${function})\n")
  foreach(core IN ITEMS native annotated)
    string(APPEND to_${core} "${function} pendi_${core}_${function}\n")
    string(APPEND of_${core} "pendi_${core}_${function}\n")
  endforeach()
  string(APPEND back "pendi_native_${function} ${function}\n")
endforeach()
file(CONFIGURE OUTPUT ${pend_dual}/dual_functions.h CONTENT "${lines}")
file(CONFIGURE OUTPUT ${pend_dual}/back CONTENT "${back}")
foreach(core IN ITEMS native annotated)
  file(CONFIGURE OUTPUT ${pend_dual}/to_${core} CONTENT "${to_${core}}")
  file(CONFIGURE OUTPUT ${pend_dual}/of_${core} CONTENT "${of_${core}}")
endforeach()

add_library(pendmap_dual OBJECT platform/dual/dual.c)
target_link_libraries(pendmap_dual PRIVATE pendmap_build_flags)
target_include_directories(pendmap_dual PRIVATE ${pend_dual})
# It may run before there are thread-locals, where the guard of the stack would be.
target_compile_options(pendmap_dual PRIVATE -fno-stack-protector)
set_target_properties(pendmap_dual PROPERTIES POSITION_INDEPENDENT_CODE ON)

# The sources come with pend_add_annotated_core(), when all folders have added theirs.
add_library(pendmap_annotated OBJECT)
target_link_libraries(pendmap_annotated PRIVATE pendmap_build_flags ${PEND_LINK_LIBRARIES})
target_include_directories(pendmap_annotated PRIVATE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})
target_compile_definitions(pendmap_annotated PRIVATE PENDI_VALGRIND)
set_target_properties(pendmap_annotated PROPERTIES
  C_VISIBILITY_PRESET hidden
  POSITION_INDEPENDENT_CODE ON
  UNITY_BUILD ${PEND_ONE_UNIT}
  UNITY_BUILD_MODE GROUP)

function(pend_add_annotated_core)
  get_target_property(sources pendmap_objects SOURCES)
  target_sources(pendmap_annotated PRIVATE ${sources})
endfunction()

set(merge ${CMAKE_C_COMPILER} -r -nostdlib)
add_custom_command(OUTPUT ${pend_dual}/dual.o
  COMMAND ${merge} -o native.o $<TARGET_OBJECTS:pendmap_objects>
  COMMAND ${CMAKE_OBJCOPY} --redefine-syms=to_native --weaken native.o
  COMMAND ${merge} -o annotated.o $<TARGET_OBJECTS:pendmap_annotated>
  COMMAND ${CMAKE_OBJCOPY} --redefine-syms=to_annotated annotated.o
  COMMAND ${CMAKE_OBJCOPY} --keep-global-symbols=of_annotated annotated.o
  COMMAND ${merge} -o dual.o native.o annotated.o $<TARGET_OBJECTS:pendmap_dual>
  COMMAND ${CMAKE_OBJCOPY} --localize-symbols=of_native --localize-symbols=of_annotated dual.o
  COMMAND ${CMAKE_OBJCOPY} --redefine-syms=back dual.o
  COMMAND ${CMAKE_COMMAND} -E rm native.o annotated.o
  WORKING_DIRECTORY ${pend_dual}
  DEPENDS $<TARGET_OBJECTS:pendmap_objects> $<TARGET_OBJECTS:pendmap_annotated>
    $<TARGET_OBJECTS:pendmap_dual>
  COMMAND_EXPAND_LISTS VERBATIM
  COMMENT "Merging the native and the annotated core")
set_source_files_properties(${pend_dual}/dual.o PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
# One target makes it, for two that link it.
add_custom_target(pendmap_dual_object DEPENDS ${pend_dual}/dual.o)
