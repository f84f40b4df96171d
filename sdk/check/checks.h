// The checks, one function each; a breach ends the process (broken). Each runs in a process of its
// own.
#pragma once

namespace stator::check {

// checks_of_library.cc: before the library is loaded, in a process that has not loaded it
void check_library();
// checks_of_contract.cc
void check_descriptor();
void check_examples();
void check_lifecycle();
void check_requests();
void check_refusals();
// checks_of_state.cc
void check_replay();
void check_crashes();
void check_restart();
void check_purity();
void check_work();
// Only where there is a version before: the library that was loaded as such.
void check_upgrade();
// checks_of_isolation.cc
void check_tenants();
void check_collections();
void check_rows();
// checks_of_cost.cc
void check_deadlines();
void check_cost();
void check_memory();

}  // namespace stator::check
