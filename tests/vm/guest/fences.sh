# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Sessions whose frames and pictures wait for real fences.
. "$SOURCE/tests/vm/guest/lib.sh"
program vm_fences
