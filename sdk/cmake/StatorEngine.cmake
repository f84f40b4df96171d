# stator_add_engine(NAME sources...)
#
# Builds NAME.so, which holds engine NAME: hidden visibility, exactly one exported symbol, no symbol
# left open, a build id, never unloaded. The sources are an object library NAME_engine too, so that
# unit tests link them without a server. `cmake --install` puts the library into lib/stator/engines,
# where a statord of the same prefix looks. The same file serves Stator's own engines and yours.
set(STATOR_ENGINE_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/engine.version)

# Where the libraries are built; the server takes the folder as --engine-path.
if(NOT DEFINED STATOR_ENGINE_DIR)
  set(STATOR_ENGINE_DIR ${CMAKE_BINARY_DIR}/engines)
endif()

function(stator_add_engine name)
  if(NOT name MATCHES "^[a-z0-9_]+$")
    message(FATAL_ERROR "stator_add_engine: '${name}' is no engine id: 1 to 32 of [a-z0-9_]")
  endif()
  set(language C)
  if("${ARGN}" MATCHES "\\.(cc|cpp|cxx)(;|$)")
    set(language CXX)
  endif()
  # Stator's own warnings and sanitizers, where this is Stator's own build.
  set(flags $<$<TARGET_EXISTS:stator_flags>:stator_flags>)

  add_library(${name}_engine OBJECT ${ARGN})
  target_link_libraries(${name}_engine PUBLIC stator::sdk PRIVATE ${flags})
  target_include_directories(${name}_engine PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  set_target_properties(${name}_engine PROPERTIES POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(language STREQUAL CXX)
    # The whole C++ layer is C++20.
    target_compile_features(${name}_engine PUBLIC cxx_std_20)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # A GNU_UNIQUE symbol would be shared between two versions of one engine in one process.
      target_compile_options(${name}_engine PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
    endif()
  endif()

  add_library(${name} MODULE $<TARGET_OBJECTS:${name}_engine>)
  target_link_libraries(${name} PRIVATE stator::sdk ${flags})
  set_target_properties(${name} PROPERTIES PREFIX "" LINKER_LANGUAGE ${language} NO_SONAME ON
    LIBRARY_OUTPUT_DIRECTORY ${STATOR_ENGINE_DIR})
  target_link_options(${name} PRIVATE -Wl,-z,defs,-z,now,-z,relro,-z,nodelete,--build-id
    -Wl,--version-script=${STATOR_ENGINE_VERSION_SCRIPT})
  if(STATOR_SANITIZE OR "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize")
    # The sanitizer's own symbols are in the program.
    target_link_options(${name} PRIVATE -Wl,-z,undefs)
  endif()
  if(NOT STATOR_ENGINE_STAYS)  # an engine for tests alone
    install(TARGETS ${name} LIBRARY DESTINATION lib/stator/engines COMPONENT server)
  endif()
endfunction()

# The program stator-plugin-check, from the sources of the SDK.
function(stator_add_check_program)
  if(TARGET stator-plugin-check)
    return()
  endif()
  file(GLOB check_sources CONFIGURE_DEPENDS ${STATOR_CHECK_DIR}/*.cc)
  add_executable(stator-plugin-check ${check_sources})
  target_link_libraries(stator-plugin-check PRIVATE stator::testkit ${CMAKE_DL_LIBS})
  # Its own clock_gettime, rand, pthread_create stand before the library's.
  set_target_properties(stator-plugin-check PROPERTIES ENABLE_EXPORTS ON)
endfunction()

# stator_check_engine(NAME)
#
# A test check/NAME that runs stator-plugin-check on the library: whether the engine keeps the contract. The
# program is the one that is installed beside this SDK; where there is none, or the engine has a sanitizer,
# it is built here.
function(stator_check_engine name)
  set(program ${STATOR_CHECK_DIR}/../../../bin/stator-plugin-check)
  if(TARGET stator-plugin-check OR NOT EXISTS ${program} OR "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize")
    stator_add_check_program()
    set(program stator-plugin-check)
  endif()
  add_test(NAME check/${name} COMMAND ${program} ${STATOR_ENGINE_DIR}/${name}.so)
endfunction()

# stator_add_rust_engine(NAME main.rs [further sources...])
#
# The same from one Rust crate of one root file, by rustc alone (1.83 or newer).
function(stator_add_rust_engine name root)
  find_program(STATOR_RUSTC rustc REQUIRED)
  set(library ${STATOR_ENGINE_DIR}/${name}.so)
  set(sources ${root} ${ARGN})
  list(TRANSFORM sources PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  add_custom_command(OUTPUT ${library} DEPENDS ${sources} VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${STATOR_ENGINE_DIR}
    COMMAND ${STATOR_RUSTC} --edition 2021 --crate-type cdylib --crate-name ${name} -D warnings
            -C opt-level=2 -C panic=unwind -C strip=debuginfo -o ${library}
            "-Clink-args=-Wl,-z,defs,-z,now,-z,relro,-z,nodelete,--build-id"
            ${CMAKE_CURRENT_SOURCE_DIR}/${root})
  add_custom_target(${name} ALL DEPENDS ${library})
  # What a unit test links: rustc has hidden all but the entry.
  add_library(${name}_engine SHARED IMPORTED)
  set_target_properties(${name}_engine PROPERTIES IMPORTED_LOCATION ${library})
  target_link_libraries(${name}_engine INTERFACE stator::sdk)
  add_dependencies(${name}_engine ${name})
  install(FILES ${library} DESTINATION lib/stator/engines COMPONENT server)
endfunction()
