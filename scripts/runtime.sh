# Sourced by the launcher and the make targets. Sets PORTCULLIS_NODE to the pinned runtime,
# installing the npm dependencies first when they are missing or the lockfile has changed.
portcullis_runtime() {
  case "$(uname -m)" in
    x86_64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) echo "portcullis: no pinned Node for $(uname -m); supported: x86_64, aarch64" >&2; return 1 ;;
  esac
  PORTCULLIS_NODE="$1/node_modules/node-linux-$arch/bin/node"
  stamp="$1/node_modules/.portcullis-lock"
  if [ ! -x "$PORTCULLIS_NODE" ] || ! cmp -s "$1/package-lock.json" "$stamp"; then
    command -v npm >/dev/null 2>&1 || {
      echo "portcullis: npm is needed once, to install the locked dependencies: apt-get install npm" >&2
      return 1
    }
    echo "portcullis: installing npm dependencies (package-lock.json)" >&2
    (cd "$1" && npm ci --no-audit --no-fund --loglevel=error >&2)
    [ -x "$PORTCULLIS_NODE" ] || { echo "portcullis: npm did not install node-linux-$arch; was --omit=optional set?" >&2; return 1; }
    cp "$1/package-lock.json" "$stamp"
  fi
  export PORTCULLIS_NODE
  # Stripped and compiled code, kept beside the runtime, where its owner alone may write: a command starts in half the time.
  export NODE_COMPILE_CACHE="$1/node_modules/.compile-cache"
}

# The system programs that the demo and the tests drive, as Debian names them.
portcullis_system() {
  missing=''
  command -v nft >/dev/null 2>&1 || missing="$missing nftables"
  command -v conntrack >/dev/null 2>&1 || missing="$missing conntrack"
  { command -v ip && command -v ss; } >/dev/null 2>&1 || missing="$missing iproute2"
  command -v kubectl >/dev/null 2>&1 || missing="$missing kubernetes-client"
  command -v curl >/dev/null 2>&1 || missing="$missing curl"
  command -v nghttp >/dev/null 2>&1 || missing="$missing nghttp2-client"
  command -v minisign >/dev/null 2>&1 || missing="$missing minisign"
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "portcullis: missing system packages; as root run: apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    return 1
  fi
  echo "portcullis: installing system packages:$missing" >&2
  apt-get update -qq >&2
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}
