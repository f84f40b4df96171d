# stator_test(NAME SOURCES... LIBRARIES... [LABEL label] [ENV vars...] [CLIENT])
# One GoogleTest program; ctest sees every test of it under LABEL (default: unit). CLIENT: it only talks
# to programs under test (its folder includes ClientFlags). It has no sanitizer, so it compiles in a third of
# the time, and to the same bytes in every build, so that ccache has it.
include(GoogleTest)
function(stator_test name)
  cmake_parse_arguments(TEST "CLIENT" "LABEL;TIMEOUT" "SOURCES;LIBRARIES;ENV" ${ARGN})
  if(NOT TEST_LABEL)
    set(TEST_LABEL unit)
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  set(flags stator_flags)
  if(TEST_CLIENT)
    set(flags stator_warnings)
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name} ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} stator_test_build GTest::gmock GTest::gtest GTest::gtest_main ${flags})
  if(NOT TEST_CLIENT)
    # The optimiser is for the code under test; test sources compile in half the time without it.
    target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1$<SEMICOLON>-g1>)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES
    TEST_PREFIX "${TEST_LABEL}/" PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT} ENVIRONMENT "${TEST_ENV}")
endfunction()
