/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <softisp/api.h>

const char *sisp_version(void)
{
    return SISP_VERSION;
}
