// Whose data is seen and changed.
#include "checks.h"
#include "trial.h"

namespace stator::check {
namespace {

// No row that any request makes.
constexpr const char* kNoRow = R"({"no_such_field_":{"exists":true}})";

// Whoever reads in `tenant` and `collection` sees what an empty server shows.
void expect_apart(std::uint32_t tenant, const char* collection, const char* what) {
  std::vector<Answer>
      nothing;  // asked before anything is written: an engine's globals are in one process
  {
    FakeKernel empty(&watched_entry, {.lanes = 2});
    for (const Made& made : requests())
      nothing.push_back(made.is_write ? Answer() : ask(empty, made, tenant, collection));
  }
  FakeKernel used(&watched_entry, {.lanes = 2});
  const std::vector<Made> all = requests();
  for (const Made& made : all) ask(used, made);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].is_write) continue;
    const Answer seen = ask(used, all[i], tenant, collection);
    if (!same(seen, nothing[i]))
      broken(std::string("shows data of another ") + what + ": " + text_of(all[i], seen));
  }
}

}  // namespace

void check_tenants() { expect_apart(2, "one", "tenant"); }
void check_collections() { expect_apart(1, "two", "collection"); }

// Who may see and write no row sees what a server without rows shows, and changes nothing. What a
// collection is (its indexes, its settings) is no row: a request may fail to fit it.
void check_rows() {
  std::vector<Answer> nothing;
  {
    FakeKernel empty(&watched_entry, {.lanes = 2});
    for (const Made& made : requests()) {
      if (made.is_write && !made.writes_rows) ask(empty, made);
    }
    empty.run_work();
    empty.bind_rows(kNoRow, kNoRow);
    for (const Made& made : requests())
      nothing.push_back(made.is_write ? Answer() : ask(empty, made));
  }
  FakeKernel used(&watched_entry, {.lanes = 2});
  const std::vector<Made> all = requests();
  for (const Made& made : all) ask(used, made);
  used.run_work();
  used.bind_rows(kNoRow, kNoRow);
  const auto before = used.dump();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Answer seen = ask(used, all[i]);
    if (all[i].is_write) {
      expect_same_store(used, before, "a write of who may write no row, " + all[i].op);
    } else if (seen.status != STATOR_E_BAD_REQUEST && !same(seen, nothing[i])) {
      broken("shows rows that the caller may not see: " + text_of(all[i], seen));
    }
  }
}

}  // namespace stator::check
