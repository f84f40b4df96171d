// A certificate for trying things out: ECDSA P-256, self-signed, for this machine's own names.
#pragma once

#include <string>

#include "base/result.h"
#include "control/net/tls_context.h"

namespace stator::net {

// The files of `directory` (certificate.pem and key.pem, mode 0600), made if they are not both
// there or the certificate has ended. It is for localhost, 127.0.0.1 and ::1, for a year. Error:
// kStorage.
Result<TlsFiles> self_signed_files(const std::string& directory);

}  // namespace stator::net
