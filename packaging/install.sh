#!/bin/sh
# Installs otto @VERSION@: downloads the binary of this platform, compares its hash, puts it into a folder of yours.
#
#   OTTO_BIN    the folder to put it into                         (~/.local/bin)
#   OTTO_FROM   a folder or an address that has the release's files (@REPOSITORY@/releases/download/v@VERSION@)
#
# Asks nothing, needs no root, changes nothing else.
set -eu

fail() {
    echo "install: $1" >&2
    exit 1
}

main() {
    bin=${OTTO_BIN:-$HOME/.local/bin}
    from=${OTTO_FROM:-@REPOSITORY@/releases/download/v@VERSION@}
    case $(uname -s) in
        Linux) system=unknown-linux-musl ;;
        Darwin) system=apple-darwin ;;
        *) fail "there is no otto for $(uname -s); it exists for Linux and macOS" ;;
    esac
    case $(uname -m) in
        x86_64 | amd64) cpu=x86_64 ;;
        aarch64 | arm64) cpu=aarch64 ;;
        *) fail "there is no otto for the processor $(uname -m); it exists for x86_64 and aarch64" ;;
    esac
    name=otto-$cpu-$system
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT

    fetch "$name.tar.gz"
    fetch SHA256SUMS
    wanted=$(sed -n "s/^\([0-9a-f]\{64\}\)  $name\.tar\.gz\$/\1/p" "$folder/SHA256SUMS")
    [ -n "$wanted" ] || fail "SHA256SUMS of $from does not name $name.tar.gz"
    found=$(hash_of "$folder/$name.tar.gz")
    [ "$found" = "$wanted" ] || fail "$name.tar.gz has the hash $found instead of $wanted; nothing was installed"

    (cd "$folder" && gzip -dc "$name.tar.gz" | tar -xf -) || fail "$name.tar.gz cannot be unpacked"
    mkdir -p "$bin" || fail "cannot make $bin; OTTO_BIN names another folder"
    # Beside its place first, so that an otto that runs now is replaced as a whole.
    if ! { cp "$folder/$name/otto" "$bin/.otto.new" && chmod 755 "$bin/.otto.new" && mv -f "$bin/.otto.new" "$bin/otto"; }; then
        rm -f "$bin/.otto.new"
        fail "cannot write to $bin; OTTO_BIN names another folder"
    fi
    "$bin/otto" --version || fail "$bin/otto was installed but does not start here"
    echo "installed as $bin/otto"
    case :$PATH: in
        *:"$bin":*) ;;
        *) echo "$bin is not in your PATH; add this line to your shell's start-up file:
  export PATH=\"$bin:\$PATH\"" ;;
    esac
}

fetch() {
    case $from in
        *://*)
            if command -v curl >/dev/null 2>&1; then
                curl --proto '=https' --tlsv1.2 -fsSL -o "$folder/$1" "$from/$1" || fail "cannot download $from/$1"
            elif command -v wget >/dev/null 2>&1; then
                wget -q -O "$folder/$1" "$from/$1" || fail "cannot download $from/$1"
            else
                fail "neither curl nor wget is here to download with"
            fi
            ;;
        *) cp "$from/$1" "$folder/$1" || fail "cannot read $from/$1" ;;
    esac
}

hash_of() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$1" | cut -d' ' -f1
    elif command -v shasum >/dev/null 2>&1; then
        shasum -a 256 "$1" | cut -d' ' -f1
    else
        fail "neither sha256sum nor shasum is here to verify the download"
    fi
}

# In a function, so that a script that was cut off does nothing.
main
