# SPDX-License-Identifier: GPL-3.0-or-later
# Rows of params.def as mdoc items. Usage: awk -f params.awk params.def softisp.1.in
FNR == NR {
    if (match($0, /^PARAM\(/)) {
        line = $0
        help = line; sub(/^[^"]*"[^"]*"[^"]*"/, "", help); sub(/"\)$/, "", help)
        head = substr(line, 7); split(head, f, /, */)
        unit = f[3]; gsub(/"/, "", unit)
        items = items ".It Ar " f[1] " : " f[4] " to " f[5] (unit == "" ? "" : " " unit) ", default " f[6] "\n" toupper(substr(help, 1, 1)) substr(help, 2) ".\n"
    }
    next
}
/^@PARAMETERS@$/ { printf "%s", items; next }
{ print }
