# One target a folder of src/, so that the direction of includes is written where the build reads it.
#
#   netwright_layer(NAME DEPENDS lower... LIBRARIES external...)
#
# makes the object library netwright_NAME from src/NAME/*.cc. It sees the headers of the whole source tree (the test
# tests/structure holds the include rule) and links what it names.
function(netwright_layer name)
  cmake_parse_arguments(LAYER "" "" "DEPENDS;LIBRARIES" ${ARGN})
  string(REPLACE "/" "_" target netwright_${name})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  # A layer of headers only has nothing to compile.
  if(sources)
    add_library(${target} OBJECT ${sources})
    set(reach PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(reach INTERFACE)
  endif()
  target_include_directories(${target} ${reach} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${target} ${reach} ${LAYER_LIBRARIES})
  foreach(lower ${LAYER_DEPENDS})
    # The interface only: object files are gathered once, into libnetwright or the executable.
    target_include_directories(${target} ${reach} $<TARGET_PROPERTY:netwright_${lower},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
endfunction()
