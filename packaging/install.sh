#!/bin/sh
# Installs the programs of arize-codex for one user: verifies the checksum, needs no root.
set -eu

version='@VERSION@'
release='@RELEASE@' # where this version can be downloaded; empty if it was not published

usage() {
    cat <<END
Installs arize-codex $version, or replaces another version.

usage: install.sh [--prefix DIR] [--from DIR|FILE|URL]
       install.sh --uninstall [--prefix DIR]

  --prefix DIR   where to install [default: ~/.local]: links to the programs in DIR/bin, man pages
                 and completions in DIR/share, what they lead to in DIR/lib/arize-codex
  --from PLACE   a folder or URL with the archive and SHA256SUMS, or the archive itself with
                 SHA256SUMS beside it [default: ${release:-the folder of this script}]
  --uninstall    removes everything that was installed below the prefix. Run 'arize-codex uninstall'
                 first: it restores Codex's configuration
  --help         prints this

Examples:
  sh install.sh
  sh install.sh --prefix /opt/arize-codex --from ~/Downloads
END
}

say() { printf '%s\n' "$*"; }

# fail MESSAGE [HINT]
fail() {
    say "error: $1" >&2
    [ $# -lt 2 ] || say "hint: $2" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

needs() {
    for tool; do
        has "$tool" || fail "\`$tool\` is missing" "install $tool with your package manager"
    done
}

target() {
    case "$(uname -s)" in
        Linux) system=unknown-linux-gnu ;;
        Darwin) system=apple-darwin ;;
        *) fail "there is no archive for $(uname -s)" "use install.ps1 on Windows" ;;
    esac
    case "$(uname -m)" in
        x86_64 | amd64) machine=x86_64 ;;
        aarch64 | arm64) machine=aarch64 ;;
        *) fail "there is no archive for $(uname -m)" "build it from source: cargo xtask install" ;;
    esac
    say "$machine-$system"
}

checksum() {
    if has sha256sum; then
        sha256sum "$1"
    elif has shasum; then
        shasum -a 256 "$1"
    elif has openssl; then
        openssl dgst -sha256 -r "$1"
    fi | cut -d ' ' -f 1
}

# download URL FILE
download() {
    say "downloading $1"
    code=0
    if has curl; then
        # One that stands still for a minute has ended.
        curl --fail --silent --show-error --location --connect-timeout 30 --speed-limit 1 --speed-time 60 \
            --output "$2" "$1" || code=$?
    elif has wget; then
        wget -q -t 2 -T 60 -O "$2" "$1" || code=$?
        # In the numbers of curl.
        case $code in 4) code=18 ;; 8) code=22 ;; esac
    else
        fail "neither \`curl\` nor \`wget\` is there" \
            "download the archive and SHA256SUMS by other means, and say --from FOLDER"
    fi
    case $code in
        0) ;;
        18 | 28 | 56) fail "the download of $1 was interrupted; nothing was installed" "run the same command again" ;;
        22) fail "$1 does not exist" "say --from FOLDER or --from URL" ;;
        *) fail "$1 cannot be downloaded" "say --from FOLDER or --from URL" ;;
    esac
}

# Puts the archive and SHA256SUMS into the folder $work.
fetch() {
    case "$from" in
        http://* | https://* | file://*)
            for file in SHA256SUMS "$archive"; do
                download "${from%/}/$file" "$work/$file"
            done
            return
            ;;
    esac
    folder=$from
    if [ -f "$from" ]; then
        folder=$(dirname "$from")
        archive=$(basename "$from")
    fi
    for file in SHA256SUMS "$archive"; do
        [ -f "$folder/$file" ] ||
            fail "\`$folder/$file\` does not exist" "say --from FOLDER or --from URL"
        cp "$folder/$file" "$work/$file"
    done
}

verify() {
    expected=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
    [ -n "$expected" ] || fail "SHA256SUMS has no checksum of $archive"
    actual=$(checksum "$work/$archive")
    [ -n "$actual" ] || fail "none of \`sha256sum\`, \`shasum\` and \`openssl\` is there" \
        "install one of them: without it the archive cannot be verified"
    [ "$actual" = "$expected" ] || fail \
        "the checksum of $archive is wrong: $actual instead of $expected; nothing was installed" \
        "the download is damaged or was tampered with: download it again"
}

# The programs must start before they replace others.
try() {
    code=0
    output=$("$1/bin/arize-codex" --version 2>&1) || code=$?
    [ $code -ne 0 ] || return 0
    if [ $code -eq 126 ]; then
        fail "programs below \`$prefix\` cannot be run: its file system is mounted noexec" \
            "choose another folder with --prefix DIR"
    fi
    for loader in /lib/ld-musl-*; do
        [ ! -e "$loader" ] || fail "this system has musl, and the programs need glibc 2.17 or newer" \
            "build them from source: cargo xtask install"
    done
    fail "the programs do not start: $output"
}

# Makes a folder and notes which ones were not there, the innermost first.
folder() {
    [ ! -d "$1" ] || return 0
    folder "$(dirname "$1")"
    mkdir "$1" 2>/dev/null || [ -d "$1" ] ||
        fail "\`$1\` cannot be made" "choose another folder with --prefix DIR"
    made="$1
$made"
}

# remove_folders LIST: those that are empty.
remove_folders() {
    printf '%s' "$1" | while read -r each; do rmdir "$each" 2>/dev/null || true; done
}

# The version that is installed, as its folder is called; empty if none is.
installed() { readlink "$home/install.sh" 2>/dev/null | cut -d / -f 1; }

# The files below a folder that have a link in the prefix, from there on.
linked() { (cd "$1" && find bin share -type f); }

# Whether a link of the prefix was made by this script.
is_ours() {
    case "$(readlink "$1" 2>/dev/null)" in */lib/arize-codex/*) return 0 ;; *) return 1 ;; esac
}

# Removes the links to the files of a version that another one does not have.
unlink_files() {
    for file in $(linked "$home/$1"); do
        if [ ! -e "$home/$2/$file" ] && is_ours "$prefix/$file"; then rm -f "$prefix/$file"; fi
    done
}

# Replaces a link all at once.
link() {
    ln -s "$1" "$work/link"
    mv -f "$work/link" "$2"
}

clean_up() {
    rm -rf "$work"
    [ -e "$home/install.sh" ] || remove_folders "$made"
}

install() {
    needs awk cp cut dirname find gzip ln mktemp mv readlink rm sed tar uname
    archive="arize-codex-$version-$(target).tar.gz"
    made='' work=''
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    folder "$home"
    # On the file system of the prefix, so that programs can be tried there and replaced by renaming.
    work=$(mktemp -d "$home/new.XXXXXX" 2>/dev/null) ||
        fail "\`$home\` cannot be written to" "choose another folder with --prefix DIR"
    fetch
    verify
    tar -xzf "$work/$archive" -C "$work" || fail "$archive cannot be unpacked"
    fresh="$work/${archive%.tar.gz}"
    try "$fresh"
    version=${output##* }
    # Named for its content: what runs from there never changes.
    new="$version-$(say "$actual" | cut -c 1-12)"
    old=$(installed)
    for file in $(linked "$fresh"); do
        [ ! -e "$prefix/$file" ] || is_ours "$prefix/$file" ||
            fail "\`$prefix/$file\` was not installed by this script" \
                "move it away, or choose another folder with --prefix DIR"
    done
    [ -d "$home/$new" ] || mv "$fresh" "$home/$new"
    for file in $(linked "$home/$new"); do
        folder "$(dirname "$prefix/$file")"
        up=$(dirname "$file" | sed 's|[^/][^/]*|..|g')
        link "$up/lib/arize-codex/$new/$file" "$prefix/$file"
    done
    link "$new/install.sh" "$home/install.sh"
    if [ -f "$home/folders" ]; then made="$made$(cat "$home/folders")
"; fi
    printf '%s' "$made" >"$home/folders"
    if [ -n "$old" ] && [ "$old" != "$new" ]; then
        unlink_files "$old" "$new"
        rm -rf "${home:?}/$old"
    fi
    say "installed arize-codex $version in $prefix/bin"
    say ""
    say "Next:"
    case ":$PATH:" in
        *":$prefix/bin:"*) say "  arize-codex setup" ;;
        *) say "  $prefix/bin/arize-codex setup    ($prefix/bin is not on your PATH)" ;;
    esac
}

uninstall() {
    old=$(installed)
    [ -n "$old" ] || fail "nothing below \`$prefix\` was installed by this script" "say --prefix DIR"
    unlink_files "$old" none
    folders=$(cat "$home/folders")
    rm -rf "$home"
    remove_folders "$folders
"
    say "removed arize-codex from $prefix"
    if [ -e "$HOME/.arize/harness/bin/arize-codex" ]; then
        say "Codex is still traced. To end that: $HOME/.arize/harness/bin/arize-codex uninstall"
    fi
}

main() {
    : "${HOME:?is not set}"
    action=install from='' prefix=''
    while [ $# -gt 0 ]; do
        case "$1" in
            --prefix | --from)
                [ $# -ge 2 ] || fail "\`$1\` needs a value" "install.sh --help"
                if [ "$1" = --from ]; then from=$2; else prefix=$2; fi
                shift
                ;;
            --prefix=*) prefix=${1#*=} ;;
            --from=*) from=${1#*=} ;;
            --uninstall) action=uninstall ;;
            -h | --help)
                usage
                exit
                ;;
            *) fail "\`$1\` is not an option" "install.sh --help" ;;
        esac
        shift
    done
    beside=$(dirname "$0")
    # The copy of this script in an installation is for that one.
    if [ -z "$prefix" ] && [ -f "$beside/folders" ]; then prefix=$(dirname "$(dirname "$beside")"); fi
    prefix=${prefix:-$HOME/.local}
    # Links lead there from wherever one is.
    case "$prefix" in /*) ;; *) prefix="$PWD/$prefix" ;; esac
    prefix=${prefix%/}
    from=${from:-${release:-$beside}}
    home="$prefix/lib/arize-codex"
    "$action"
}

# At the end, so that half of a script does nothing.
main "$@"
