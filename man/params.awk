# SPDX-License-Identifier: GPL-3.0-or-later
# Rows of tables as mdoc items. Usage: awk -f params.awk params.def knobs.def options.def softisp.1.in
function sentence(text) { return toupper(substr(text, 1, 1)) substr(text, 2) ".\n" }
function range(min, max, unit, value) {
    return " : " min " to " max (unit == "" ? "" : " " unit) ", default " value "\n"
}
/^PARAM\(/ {
    help = $0; sub(/^[^"]*"[^"]*"[^"]*"/, "", help); sub(/"\)$/, "", help)
    split(substr($0, 7), f, /, */)
    unit = f[3]; gsub(/"/, "", unit)
    params = params ".It Ar " f[1] range(f[4], f[5], unit, f[6]) sentence(help)
}
/^KNOB\(/ {
    help = $0; sub(/^[^"]*"[^"]*"[^"]*"/, "", help); sub(/"\)$/, "", help)
    split(substr($0, 6), f, /, */)
    unit = f[3]; gsub(/"/, "", unit)
    if (unit ~ /\|/) {
        split(unit, words, "|"); gsub(/\|/, " | ", unit)
        knobs = knobs ".It Ar " f[2] " : " unit ", default " words[f[7] + 1] "\n" sentence(help)
    } else
        knobs = knobs ".It Ar " f[2] range(f[5], f[6], unit, f[7]) sentence(help)
}
/^(WORD|NUMBER|WHOLE|STEP|LIGHT|LIGHT_STEP)\(/ {
    help = $0; sub(/"\)$/, "", help); sub(/^.*"/, "", help)
    split(substr($0, index($0, "(") + 1), f, /, */)
    unit = f[3]; gsub(/"/, "", unit)
    values = range(f[4], f[5], unit, f[6])
    if ($0 ~ /^STEP/) values = " : FRAME:VALUE, " f[4] " to " f[5] " " unit "\n"
    if ($0 ~ /^WORD/) {
        split(unit, words, "|"); gsub(/\|/, " | ", unit)
        values = " : " unit ", default " words[f[4] + 1] "\n"
    }
    if ($0 ~ /^LIGHT\(/) {
        light = f[4]; gsub(/"/, "", light); gsub(/\|/, " | ", unit)
        values = " : " unit ", default " light "\n"
    }
    if ($0 ~ /^LIGHT_STEP/) values = " : FRAME:LIGHT\n"
    sim = sim ".It Ar " f[2] values sentence(help)
}
/^CONTROL\(/ {
    help = $0; sub(/"\)$/, "", help); sub(/^.*"/, "", help)
    split(substr($0, 9), f, /, */)
    controls = controls ".It Ar " f[1] " : " f[4] " to " f[5] "\n" help ".\n"
}
FILENAME !~ /softisp\.1\.in$/ { next }
/^@PARAMETERS@$/ { printf "%s", params; next }
/^@SIM_OPTIONS@$/ { printf "%s", sim; next }
/^@CONTROLS@$/ { printf "%s", controls; next }
/^@KNOBS@$/ { printf "%s", knobs; next }
{ print }
