// How many files the process may have open at once. Each connection is one of them, and so are
// those of the log and the stores: who takes the last one for a client cannot write the log any
// more.
#pragma once

#include <cstddef>

namespace stator::io {

// Raises the limit as far as this process may itself (setrlimit(2): from the soft limit, which is
// 1024 on most systems, to the hard one). How many may be open then.
std::size_t raise_open_files();

}  // namespace stator::io
