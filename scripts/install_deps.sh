#!/usr/bin/env bash
# Installs what Stator needs to build, test and measure, from Debian 12's own archive and nowhere
# else. Does nothing when all of it is there. Runs as root, or uses sudo.
set -euo pipefail

packages=()

# Compile and link: g++ 12 and make; CMake reads the presets; Ninja builds; ccache makes the second
# build (and the sanitizer builds of CI) short.
packages+=(build-essential g++ cmake ninja-build ccache pkg-config git)
# The checks in scripts/, the demo and the test peers are Python 3 with its standard library.
packages+=(python3)
# Loading engines: Boost.DLL (header) and the two libraries it links; Boost.Lockfree for the rings.
packages+=(libboost-dev libboost-filesystem-dev libboost-system-dev)
# Stacks of reads that pause (kernel/io/fiber.cc).
packages+=(libboost-context-dev)
# Addresses and TLS contexts of the server, sockets of the client: Poco, never on a request's way.
packages+=(libpoco-dev)
# The store below the log.
packages+=(liblmdb-dev)
# Random numbers, hashes and signatures; password hashing (RFC 9106).
packages+=(libssl-dev libargon2-dev)
# Tokens of other issuers (JWT): verifies signatures with JSON web keys; brings Jansson, its JSON reader.
packages+=(libjose-dev libjansson-dev)
# Request bodies, configuration, log lines.
packages+=(libsimdjson-dev libtomlplusplus-dev libspdlog-dev libfmt-dev)
# WebSocket frames of the HTTP port (its requests: Boost.Beast, in libboost-dev).
packages+=(libwslay-dev)
# JSON trees in tests (the server has none)
packages+=(nlohmann-json3-dev)
# The client: options, line editing.
packages+=(libcli11-dev libedit-dev)
# Tests (the conversations compare JSON with a reader that is not ours) and benchmarks.
packages+=(libgtest-dev libgmock-dev nlohmann-json3-dev libbenchmark-dev)
# Which thread may call what: clang checks it, it builds nothing (scripts/check_threads.py).
packages+=(clang)
# What the engine contract looks like in memory (scripts/check_abi.py).
packages+=(abigail-tools)
# The reference of the engine contract from its headers (make reference).
packages+=(doxygen)
# The peer the benchmark is compared with. Its service is not started, see below.
packages+=(redis-server)
# Peers of the HTTP port: another WebSocket, another reader of metrics and of JSON Schema, curl.
packages+=(python3-websockets python3-prometheus-client python3-jsonschema curl)
# npm yjs is the oracle of the CRDT tests; a node that is there already is good enough.
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install_deps: all ${#packages[@]} packages are installed"
  exit 0
fi
echo "install_deps: installing from Debian: ${missing[*]}"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "install_deps: not root and no sudo; as root, run: apt-get install ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi

# A service that one of the packages brings must not run just because somebody builds this: for the
# time of the installation Debian's policy hook (invoke-rc.d(8)) denies every start. A machine with
# a hook of its own keeps it. A redis-server from before is already running and is not touched.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  # shellcheck disable=SC2016
  "${as_root[@]}" sh -c 'printf "#!/bin/sh\nexit 101\n" > "$1" && chmod 755 "$1"' sh "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -q -y --no-install-recommends "${missing[@]}"

# Enabled means started at the next boot; that is the user's choice, not ours.
if [[ " ${missing[*]} " == *" redis-server "* ]] && [ -d /run/systemd/system ]; then
  "${as_root[@]}" systemctl disable --quiet redis-server
fi
echo "install_deps: done"
