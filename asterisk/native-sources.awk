# Reads apt's own source files, one-line and deb822, and prints "URI SUITE KEY" for each binary source that has `main`.
# KEY: the key file the source names; "-" when it names none; "inline" when the key itself stands in the source.
function out(uris, suites, components, key,    u, s, i, j, n, m) {
    if ((" " components " ") !~ / main /) return
    n = split(uris, u, " "); m = split(suites, s, " ")
    for (i = 1; i <= n; i++) for (j = 1; j <= m; j++) print u[i], s[j], (key == "" ? "-" : key)
}
function stanza() {
    if ((" " field["types"] " ") ~ / deb / && tolower(field["enabled"]) !~ /^ *(no|false|0|off) *$/) {
        key = field["signed-by"]; gsub(/^ +| +$/, "", key)
        if (key ~ /^-----BEGIN/) key = "inline"; else sub(/[ ,].*/, "", key)
        out(field["uris"], field["suites"], field["components"], key)
    }
    split("", field); name = ""
}
FNR == 1 { stanza() }
{ sub(/\r$/, "") }
FILENAME ~ /\.sources$/ {
    if (/^#/) next
    if (/^[ \t]*$/) { stanza(); next }
    if (/^[ \t]/) { field[name] = field[name] " " $0; next }
    name = tolower($0); sub(/:.*/, "", name)
    value = $0; sub(/^[^:]*:[ \t]*/, "", value); field[name] = value
    next
}
/^[ \t]*deb[ \t]/ {
    sub(/#.*/, ""); key = ""
    if (match($0, /\[[^]]*\]/)) {
        options = substr($0, RSTART + 1, RLENGTH - 2)
        $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
        if (match(options, /signed-by=[^ ]*/)) { key = substr(options, RSTART + 10, RLENGTH - 10); sub(/,.*/, "", key) }
    }
    rest = ""; for (i = 4; i <= NF; i++) rest = rest " " $i
    out($2, $3, rest, key)
}
END { stanza() }
