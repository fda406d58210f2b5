# SPDX-License-Identifier: MIT
#
# add_layer(<name> SOURCES ... USES ... [PRIVATE_USES ...])
#   A static library of one folder, and a probe: an executable made of the whole archive and of what
#   USES and PRIVATE_USES name, nothing else.  A call into a layer that is not named is an undefined
#   symbol, so the build fails.  Each header is also compiled alone
#   (target all_verify_interface_header_sets).
function(add_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;USES;PRIVATE_USES" ${ARGN})
  add_library(${name} STATIC ${L_SOURCES})
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers})
  target_link_libraries(${name} PUBLIC ${L_USES} PRIVATE ${L_PRIVATE_USES})
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  add_executable(layer_${name} ${PROJECT_SOURCE_DIR}/tests/layers/probe.c)
  target_link_libraries(layer_${name} PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,${name}>")
endfunction()
