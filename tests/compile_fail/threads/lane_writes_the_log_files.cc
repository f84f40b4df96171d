// must not compile: 'write' requires holding thread role 'log_writer'
// A lane that writes the log itself takes the writer's role first (LocalLog::commit_here).
#include "wal/segment_writer.h"

namespace stator {

Status commit(wal::SegmentWriter& segments, wal::Commit& commit) STATOR_ON(lane) {
#ifdef ALLOWED
  const ActsAs role(threads::log_writer);
#endif
  return segments.write(commit);
}

}  // namespace stator
