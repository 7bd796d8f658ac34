# Shared by the scripts of this folder: installs what is missing and builds. Sourced, not run.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "$1 needs root: run this as root, or install sudo"
  fi
}

# Installs the packages of the given lists that are not installed; asks nothing, and does nothing when all are there. A line may
# name the one architecture that has the package.
need_packages() {
  local list missing=() name only wanted=() installed architecture
  architecture=$(dpkg --print-architecture 2>/dev/null || true)
  for list in "$@"; do
    while read -r name only; do
      case $name in ''|'#'*) continue ;; esac
      if [ -z "$only" ] || [ "$only" = "[$architecture]" ]; then wanted+=("$name"); fi
    done <"$top/packaging/packages/$list"
  done
  installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^ii *//p' || true)
  for name in "${wanted[@]}"; do
    grep -qx -- "$name" <<<"$installed" || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
  say "Installing ${#missing[@]} packages: ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then need_packages web; fi
}

# install_modules FOLDER: npm's packages as the lockfile has them, again only when it changed.
install_modules() {
  local stamp="$top/$1/node_modules/.installed" lock
  lock=$(sha256sum <"$top/$1/package-lock.json")
  [ "$(cat "$stamp" 2>/dev/null)" = "$lock" ] && return
  say "Installing the npm packages of $1"
  (cd "$top/$1" && npm ci --no-audit --no-fund --loglevel=error >&2)
  printf '%s\n' "$lock" >"$stamp"
}

# The pages: built again only when one of their files changed.
build_web() {
  local web="$top/clients/web" hash stamp="$top/clients/web/dist/.built"
  hash=$(cd "$web" && find . \( -name node_modules -o -name dist \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$hash" ] && return
  need_node
  install_modules clients/web
  say "Building the pages"
  (cd "$web" && npm run --silent build >&2)
  printf '%s\n' "$hash" >"$stamp"
}

# build_server FOLDER [MESON OPTION…]
build_server() {
  local folder="$top/build/$1"
  shift
  if [ ! -f "$folder/build.ninja" ]; then
    say "Configuring $folder"
    meson setup "$folder" "$top" "$@" >"$folder.log" 2>&1 || { rm -rf "$folder"; cat "$folder.log" >&2; fail "configuring failed"; }
  fi
  ninja -C "$folder" --quiet >"$folder.log" 2>&1 || { tail -n 60 "$folder.log" >&2; fail "building failed; the whole output: $folder.log"; }
}

# A Go that is new enough for FerretDB: what is installed, else Debian's, which at least can fetch a newer one as a module.
find_go() {
  local go=go toolchain=go1.22.12 cache=$1 platform
  command -v go >/dev/null || go=/usr/lib/go-1.19/bin/go
  [ "$go" = go ] || [ -x "$go" ] || need_packages go
  if ! "$go" version | grep -qE 'go1\.(2[1-9]|[3-9][0-9])'; then
    platform=$("$go" env GOOS)-$("$go" env GOARCH)
    (cd "$cache" && GOPATH=$cache/go GOFLAGS=-modcacherw "$go" mod download "golang.org/toolchain@v0.0.1-$toolchain.$platform" >&2)
    go="$cache/go/pkg/mod/golang.org/toolchain@v0.0.1-$toolchain.$platform"
    chmod -R +x "$go/bin" "$go/pkg/tool" # a module has no executable files
    go=$go/bin/go
  fi
  printf '%s\n' "$go"
}

# The server of MongoDB's protocol that the tests of the store run against, built once for this user: what `go install` makes of it does not
# start, since a file with its version is not in the module.
need_ferretdb() {
  local version=v1.24.0 cache=${XDG_CACHE_HOME:-$HOME/.cache}/airclass go source work
  export AIRCLASS_FERRETDB=$cache/ferretdb-$version
  [ -x "$AIRCLASS_FERRETDB" ] && return
  say "Building FerretDB $version"
  mkdir -p "$cache"
  go=$(find_go "$cache") || return 1
  work=$(mktemp -d)
  source=$(cd "$work" && "$go" mod download -json "github.com/FerretDB/FerretDB@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  cp -r "$source" "$work/source" && chmod -R u+w "$work/source" && printf '%s\n' "$version" >"$work/source/build/version/version.txt" \
    && (cd "$work/source" && nice "$go" build -o "$AIRCLASS_FERRETDB.part" ./cmd/ferretdb >&2) \
    && mv "$AIRCLASS_FERRETDB.part" "$AIRCLASS_FERRETDB"
  rm -rf "$work"
  [ -x "$AIRCLASS_FERRETDB" ]
}

# Lets a server that is not installed find what belongs to it. $1: build folder.
use_build() {
  export AIRCLASS_CORE_PLUGIN_DIR="$1/plugins" AIRCLASS_CORE_SCHEMA_DIR="$1/schemas"
  export AIRCLASS_CORE_PIPELINE_DIR="$top/pipelines" AIRCLASS_HTTP_WEB_DIR="$top/clients/web/dist"
}
