# find_package(stator-sdk REQUIRED) gives
#   stator::sdk            the headers
#   stator::testkit        the fake kernel for unit tests (where the project has C++); built from source
#                          with your compiler and flags, so no std:: type crosses a binary border
#   stator_add_engine(), stator_check_engine(), stator_add_rust_engine(): see StatorEngine.cmake
get_filename_component(stator_sdk_prefix ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)

if(NOT TARGET stator::sdk)
  add_library(stator::sdk INTERFACE IMPORTED GLOBAL)
  set_target_properties(stator::sdk PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES ${stator_sdk_prefix}/include)
endif()

get_property(stator_sdk_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if("CXX" IN_LIST stator_sdk_languages AND NOT TARGET stator::testkit)
  set(stator_testkit_dir ${stator_sdk_prefix}/share/stator-sdk/testkit)
  set(stator_library_dir ${stator_sdk_prefix}/share/stator-sdk/library)
  add_library(stator_testkit STATIC EXCLUDE_FROM_ALL ${stator_testkit_dir}/fake_kernel.cc
    ${stator_testkit_dir}/fake_work.cc ${stator_library_dir}/elf_image.cc
    ${stator_library_dir}/library_rules.cc ${stator_library_dir}/row_rules.cc)
  add_library(stator::testkit ALIAS stator_testkit)
  target_compile_features(stator_testkit PUBLIC cxx_std_20)
  target_include_directories(stator_testkit SYSTEM PUBLIC ${stator_testkit_dir}
    ${stator_sdk_prefix}/share/stator-sdk)
  target_link_libraries(stator_testkit PUBLIC stator::sdk)
endif()

set(STATOR_CHECK_DIR ${stator_sdk_prefix}/share/stator-sdk/check)
include(${CMAKE_CURRENT_LIST_DIR}/StatorEngine.cmake)
