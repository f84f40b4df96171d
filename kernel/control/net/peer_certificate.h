// The names in a certificate that a client has shown (RFC 5280, sections 4.1.2.6 and 4.2.1.6).
#pragma once

#include "control/auth/client_certificate.h"

struct x509_st;

namespace stator::net {

auth::ClientCertificate read_certificate(const x509_st& certificate);

}  // namespace stator::net
