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

# Lets a server that is not installed find what belongs to it. $1: build folder.
use_build() {
  export AIRCLASS_CORE_PLUGIN_DIR="$1/plugins" AIRCLASS_CORE_SCHEMA_DIR="$1/schemas"
  export AIRCLASS_CORE_PIPELINE_DIR="$top/pipelines" AIRCLASS_HTTP_WEB_DIR="$top/clients/web/dist"
}
