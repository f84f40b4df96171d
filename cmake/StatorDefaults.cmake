# Language, warnings, sanitizers and where things are put: the same for everything.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Nobody replaces our functions at load time; saying so lets the compiler inline them as in a program.
add_compile_options(-fno-semantic-interposition)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(STATOR_ENGINE_DIR ${CMAKE_BINARY_DIR}/lib/stator/engines)

# stator_warnings: what everything is compiled with. stator_flags: and with the sanitizer of the build.
set(STATOR_WARNINGS -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wconversion -Wsign-conversion -Wimplicit-fallthrough
  # g++ 12 sees overlapping copies in "literal" + std::string at -O3 (GCC bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${STATOR_WERROR}>:-Werror>)
add_library(stator_warnings INTERFACE)
add_library(stator_flags INTERFACE)
target_compile_options(stator_warnings INTERFACE ${STATOR_WARNINGS})
target_compile_options(stator_flags INTERFACE ${STATOR_WARNINGS})
if(STATOR_SANITIZE)
  target_compile_options(stator_flags INTERFACE -fsanitize=${STATOR_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(stator_flags INTERFACE -fsanitize=${STATOR_SANITIZE})
endif()

find_program(STATOR_CCACHE ccache)
if(STATOR_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${STATOR_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${STATOR_CCACHE})
endif()
