// must not compile: 'on_password' requires holding thread role 'lane'
// The thread that hashes passwords puts its answer into the lane's mailbox.
#include "control/session/session.h"

namespace stator {

#ifdef ALLOWED
void tell(session::Session& session, const auth::PasswordAnswer& answer) STATOR_ON(lane) {
#else
void tell(session::Session& session, const auth::PasswordAnswer& answer) STATOR_ON(background) {
#endif
  session.on_password(answer);
}

}  // namespace stator
