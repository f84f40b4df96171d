# For a folder whose tests only talk to programs under test: the same flags in every build.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
