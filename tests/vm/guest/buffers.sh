# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Sessions on memory that devices share; cameras come in camera.sh.
. "$SOURCE/tests/vm/guest/lib.sh"
program vm_memory
