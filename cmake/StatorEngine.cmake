# stator_add_engine(NAME sources...)
#
# Builds lib/stator/engines/NAME.so: hidden visibility, exactly one exported symbol, never
# unloaded. The sources are an object library NAME_engine too, so that unit tests link them without
# a server.
set(STATOR_ENGINE_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/engine.version)

function(stator_add_engine name)
  add_library(${name}_engine OBJECT ${ARGN})
  target_link_libraries(${name}_engine PUBLIC stator_sdk PRIVATE stator_flags)
  target_include_directories(${name}_engine PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  set_target_properties(${name}_engine PROPERTIES
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A GNU_UNIQUE symbol would be shared between two versions of one engine in one process.
    target_compile_options(${name}_engine PRIVATE -fno-gnu-unique)
  endif()

  add_library(${name} MODULE $<TARGET_OBJECTS:${name}_engine>)
  target_link_libraries(${name} PRIVATE stator_sdk stator_flags)
  set_target_properties(${name} PROPERTIES PREFIX "" LINKER_LANGUAGE CXX
    LIBRARY_OUTPUT_DIRECTORY ${STATOR_ENGINE_DIR})
  target_link_options(${name} PRIVATE -Wl,-z,defs,-z,now,-z,relro,-z,nodelete
    -Wl,--version-script=${STATOR_ENGINE_VERSION_SCRIPT})
  if(STATOR_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-z,undefs)
  endif()
endfunction()
