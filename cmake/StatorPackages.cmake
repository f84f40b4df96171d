# `cpack` in a build folder makes two Debian packages: stator (server, client, the engines of this
# build) and stator-sdk (what an engine's author needs; no compiled code).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "Stator <stator@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL server sdk)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)

set(CPACK_COMPONENT_SERVER_DESCRIPTION "${PROJECT_DESCRIPTION}")
set(CPACK_DEBIAN_SERVER_PACKAGE_NAME stator)
set(CPACK_DEBIAN_SERVER_PACKAGE_SECTION database)
set(CPACK_DEBIAN_SERVER_PACKAGE_SHLIBDEPS ON)

set(CPACK_COMPONENT_SDK_DESCRIPTION "Headers, CMake functions and a test kernel to write engines for Stator")
set(CPACK_DEBIAN_SDK_PACKAGE_NAME stator-sdk)
set(CPACK_DEBIAN_SDK_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_SDK_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_SDK_PACKAGE_SUGGESTS "stator, cmake (>= 3.25), libgtest-dev")
include(CPack)
