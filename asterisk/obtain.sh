#!/usr/bin/env bash
# Puts Asterisk, Redis, SIPp and ffmpeg into a folder of ours, without root and without touching the system.
#
#   asterisk/obtain.sh CACHE_DIR [PROGRAM...]        (all of native-programs.txt unless some are named)
#
# The packages come from the machine's own mirror, from a suite that has Asterisk 20 or later, and are checked against
# the archive key that this machine's apt trusts. The result is CACHE_DIR/native-SUITE-ARCH/, complete or absent.
# On failure the last line on stderr says what failed and what to do.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
need_mb=900         # at most 511 MB were taken while unpacking Debian forky (373 MB in the end); Ubuntu noble ends at 527 MB
oldest_asterisk=20

say()  { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
table() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/$1"; }

# --- what is asked ---------------------------------------------------------------------------------------------------
[ $# -ge 1 ] || fail "usage: obtain.sh CACHE_DIR [PROGRAM...]"
cache=$1; shift
[ $# -gt 0 ] || set -- $(table native-programs.txt | awk '{print $1}')
programs=$(printf '%s\n' "$@" | sort -u)
for tool in apt-get apt-cache apt-config dpkg dpkg-deb tar flock df awk; do
    command -v "$tool" >/dev/null ||
        fail "\`$tool\` is not on this machine: install asterisk (20 or later), redis-server, sipp and ffmpeg yourself, they are then found"
done
mkdir -p "$cache" 2>/dev/null || fail "the cache folder $cache cannot be made: choose another with IVR_CACHE"
[ -w "$cache" ] || fail "the cache folder $cache cannot be written to: choose another with IVR_CACHE"
cache=$(cd "$cache" && pwd)
arch=$(dpkg --print-architecture)

has_all() {  # FOLDER: true when it is complete and holds every program asked for
    [ -f "$1/.complete" ] && [ -z "$(comm -23 <(printf '%s\n' "$programs") <(sort "$1/.complete"))" ]
}

# --- one at a time; what a killed run left is swept away --------------------------------------------------------------
exec 9>"$cache/native.lock"
flock -n 9 || { say "another set-up is running, waiting for it"; flock 9; }
rm -rf "$cache"/native-*.partial "$cache"/native-*.old
for folder in "$cache"/native-*-"$arch"; do
    has_all "$folder" && { say "already there: $folder"; exit 0; }
    # one folder holds everything: what an earlier run put there is wanted still
    [ -f "$folder/.complete" ] && programs=$(printf '%s\n' "$programs" "$(cat "$folder/.complete")" | sort -u)
done
free_mb=$(df -Pm "$cache" | awk 'NR == 2 {print $4}')
[ "$free_mb" -ge "$need_mb" ] ||
    fail "$cache has $free_mb MB free and $need_mb MB are needed: free some space, or choose another folder with IVR_CACHE"
work=$(mktemp -d "$cache/native-XXXXXX.partial")
trap 'rm -rf "$work"' EXIT

# --- a private apt: the machine's proxies and certificates, none of its hooks, its state or its exceptions ------------
mkdir -p "$work"/apt/{lists/partial,cache/archives/partial,etc/preferences.d,log} "$work/debs" "$work/tree"
: > "$work/apt/status"
sourcelist=/etc/apt/sources.list sourceparts=/etc/apt/sources.list.d  # what apt leaves unsaid (apt 3: trusted.gpg) is the usual
trusted=/etc/apt/trusted.gpg trusted_parts=/etc/apt/trusted.gpg.d netrc=/etc/apt/auth.conf netrc_parts=/etc/apt/auth.conf.d
eval "$(apt-config shell sourcelist Dir::Etc::sourcelist/f sourceparts Dir::Etc::sourceparts/d trusted Dir::Etc::trusted/f trusted_parts Dir::Etc::trustedparts/d netrc Dir::Etc::netrc/f netrc_parts Dir::Etc::netrcparts/d)"
{
    apt-config dump | grep '^Acquire::' |
        grep -v -E '^Acquire::(IndexTargets|Changelogs|Languages|CompressionTypes|cdrom|Check-|Allow|Max-ValidTime|Min-ValidTime|GzipIndexes)' || true
    cat <<CONF
Dir "$work/apt/"; Dir::State "$work/apt"; Dir::State::lists "$work/apt/lists"; Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt/cache"; Dir::Log "$work/apt/log"; Dir::Etc "$work/apt/etc"; Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null"; Dir::Etc::sourcelist "$work/apt/etc/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::trusted "$trusted"; Dir::Etc::trustedparts "$trusted_parts"; Dir::Etc::netrc "$netrc"; Dir::Etc::netrcparts "$netrc_parts";
APT::Architecture "$arch"; APT::Architectures { "$arch"; }; APT::Install-Recommends "false"; APT::Sandbox::User "";
APT::Get::AllowUnauthenticated "false"; APT::Update::Error-Mode "any"; Debug::NoLocking "true";
Acquire::AllowInsecureRepositories "false"; Acquire::AllowWeakRepositories "false"; Acquire::Languages "none";
Acquire::Retries "2"; Acquire::http::Timeout "20"; Acquire::https::Timeout "20";
CONF
} > "$work/apt/apt.conf"
private() { APT_CONFIG="$work/apt/apt.conf" "$@"; }

# --- the machine's own mirrors: "URI KEY" for each source of its own suite ----------------------------------------
. /etc/os-release
distribution=${ID:-}
case " $(table native-suites.txt | awk '{print $1}' | tr '\n' ' ') " in
    *" $distribution "*) ;;
    *) for like in ${ID_LIKE:-}; do table native-suites.txt | grep -q "^$like " && { distribution=$like; break; }; done ;;
esac
suites=$(table native-suites.txt | awk -v id="$distribution" '$1 == id {$1 = ""; print}')
[ -n "$suites" ] ||
    fail "${PRETTY_NAME:-this system} is neither Debian nor Ubuntu: install asterisk (20 or later), redis-server, sipp and ffmpeg yourself, they are then found"
own=${VERSION_CODENAME:-}
[ "$distribution" = ubuntu ] && components="main universe" || components="main"

mirrors() {
    local files=()
    for file in "$sourcelist" "$sourceparts"/*.list "$sourceparts"/*.sources; do [ -f "$file" ] && [ -r "$file" ] && files+=("$file"); done
    [ ${#files[@]} -gt 0 ] || return 0
    awk -f "$here/native-sources.awk" "${files[@]}" | awk -v own="$own" '
        $2 !~ "^(" own "|stable|oldstable|oldoldstable|testing|unstable|sid)$" || $1 ~ /^(cdrom|file|copy):/ {next}
        !seen[$1]++ {print $1, $3}'
}
mapfile -t sources < <(mirrors)
[ ${#sources[@]} -gt 0 ] ||
    fail "apt on this machine has no network source for $distribution ${own:-of this release}: add one to /etc/apt/sources.list.d, or install asterisk (20 or later), redis-server, sipp and ffmpeg yourself"

# --- the first suite that has Asterisk, its signature checked ---------------------------------------------------------
refused="" unsigned="" unreachable=""
update() {  # URI KEY SUITE: true when its lists are here and genuine
    local key=$2
    [ "$key" != inline ] || key=/usr/share/keyrings/$distribution-archive-keyring.gpg
    [ "$key" != - ] || key=""  # what apt trusts for every source
    printf 'deb [%s] %s %s %s\n' "arch=$arch${key:+ signed-by=$key}" "$1" "$3" "$components" > "$work/apt/etc/sources.list"
    rm -rf "$work"/apt/lists; mkdir -p "$work/apt/lists/partial"
    private apt-get -q update > "$work/update.log" 2>&1 && return 0
    if grep -q -E 'Release file .* (expired|is not valid anymore)' "$work/update.log"; then
        say "warning: the mirror's copy of $3 is older than its own term; its signature is checked all the same"
        echo 'Acquire::Check-Valid-Until "false";' >> "$work/apt/apt.conf"
        private apt-get -q update > "$work/update.log" 2>&1 && return 0
    fi
    refused="$1 $3: $(sed -n 's/^[EW]: //p' "$work/update.log" | head -n 1)"
    grep -q -E "NO_PUBKEY|not signed|couldn't be verified|EXPKEYSIG|BADSIG|REVKEYSIG" "$work/update.log" && unsigned=$refused
    grep -q -E 'Could not (resolve|connect)|Cannot initiate|Unable to connect|timed out|Temporary failure|Connection (failed|refused|reset)|Network is unreachable|Failed to connect|502|503|504' "$work/update.log" && unreachable=$refused
    return 1
}
asterisk_major() { private apt-cache policy asterisk | sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9]*\).*/\2/p'; }
choose() {
    local suite source uri key major
    for suite in $suites; do
        [ "$suite" = own ] && suite=$own
        for source in "${sources[@]}"; do
            read -r uri key <<< "$source"
            say "asking $uri for $suite"
            update "$uri" "$key" "$suite" || continue
            major=$(asterisk_major)
            [ "${major:-0}" -ge "$oldest_asterisk" ] && { chosen=$suite; return 0; }
            break
        done
        [ -z "$unreachable" ] || [ ${#sources[@]} -gt 1 ] || return 1
    done
    return 1
}
chosen=""
if ! choose; then
    [ -z "$unsigned" ] || fail "the archive's signature is not one this machine trusts ($unsigned): update its archive keyring package"
    [ -z "$unreachable" ] || fail "the package mirror cannot be reached ($unreachable): check the network and apt's proxy, then run \`make setup\` again"
    fail "no suite of$suites on this machine's mirror has Asterisk $oldest_asterisk or later${refused:+ ($refused)}: install it yourself, it is then found"
fi

# --- download (apt checks every file against the signed lists) --------------------------------------------------------
packages=$(table native-programs.txt | awk -v want="$(printf '%s ' $programs)" 'index(" " want, " " $1 " ") {print $2}' | sort -u)
private apt-get -q -s install $packages > "$work/plan.log" 2>&1 ||
    fail "$chosen cannot provide $(echo $packages): $(sed -n 's/^E: //p' "$work/plan.log" | head -n 1)"
patterns=$(table native-unneeded.txt)
unneeded() { local p; set -f; for p in $patterns; do case $1 in $p) set +f; return 0 ;; esac; done; set +f; return 1; }
wanted=$(awk '/^Inst / {print $2}' "$work/plan.log" | while read -r p; do unneeded "$p" || echo "$p"; done)
total=$(wc -w <<< "$wanted")
mb=$(cd "$work/debs" && private apt-get -qq --print-uris download $wanted | awk '{s += $3} END {printf "%d", s / 1e6}')
say "downloading $total packages of $chosen ($mb MB)"
(cd "$work/debs" && private apt-get -q download $wanted 2> "$work/download.log") |
    awk -v total="$total" '/^Get:/ && ++n % 40 == 0 {printf "  %d of %d\n", n, total; fflush()}' ||
    fail "a package could not be downloaded ($(sed -n 's/^E: //p' "$work/download.log" | head -n 1)): check the network, then run \`make setup\` again"

# --- unpack: files only, no maintainer script runs --------------------------------------------------------------------
say "unpacking"
mkdir -p "$work"/tree/usr/{bin,lib,lib64,sbin}
for link in bin lib lib64 sbin; do ln -s "usr/$link" "$work/tree/$link"; done
for deb in "$work"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/tree" --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/info' \
        --exclude='./usr/share/lintian' --exclude='./usr/share/asterisk/sounds' --exclude='./usr/share/icons' 2> "$work/tar.log" ||
        fail "$(basename "$deb") cannot be unpacked ($(tail -n 1 "$work/tar.log")): free some disk space in $cache, then run \`make setup\` again"
    rm -f "$deb"
done

# --- whole or not at all ----------------------------------------------------------------------------------------------
table native-programs.txt | while read -r program _ path; do
    grep -qx "$program" <<< "$programs" || continue
    [ -x "$work/tree/$path" ] || fail "$chosen's packages hold no $path: report this with the suite's name"
done
printf '%s\n' "$programs" > "$work/tree/.complete"
target=$cache/native-$chosen-$arch
[ ! -e "$target" ] || mv "$target" "$target.old"
mv "$work/tree" "$target"
rm -rf "$target.old"
say "unpacked $(du -sm "$target" | awk '{print $1}') MB into $target"
