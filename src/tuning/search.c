/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where tuning files lie: folders of the user's own first, then those of the system, then those
 * that libcamera brings (XDG Base Directory Specification 0.8; libcamera, ipa_proxy.cpp). */
#include "base/base.h"

#include <softisp/tuning.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const endings[] = {"yaml", "json", "dcp"};

static const char *const system_folders[] = {"/usr/local/share/softisp/tuning",
    "/usr/share/softisp/tuning", "/usr/local/share/libcamera/ipa/simple",
    "/usr/local/share/libcamera/ipa/rpi/pisp", "/usr/local/share/libcamera/ipa/rpi/vc4",
    "/usr/share/libcamera/ipa/simple", "/usr/share/libcamera/ipa/rpi/pisp",
    "/usr/share/libcamera/ipa/rpi/vc4", "/usr/share/libcamera/ipa/rkisp1",
    "/usr/share/libcamera/ipa/ipu3"};

/* Letters, digits and "_-+." as in names of drivers: it leads nowhere else. */
static bool is_name(const char *sensor)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "_-+.";
    size_t length = strlen(sensor);
    return length > 0 && length <= 64 && sensor[0] != '.' && strspn(sensor, letters) == length;
}

/* `length` bytes of the folder, then what lies in it. */
static int put(char *path, size_t path_size, const char *folder, size_t length, const char *inside)
{
    if (length >= path_size || strlen(inside) >= path_size - length)
        return -ENAMETOOLONG;
    memcpy(path, folder, length);
    strcpy(path + length, inside);
    return 0;
}

/* Folder `index` of $SOFTISP_TUNING_PATH; how many it has where there are not so many. */
static int of_environment(unsigned index, char *path, size_t path_size, unsigned *count)
{
    const char *at = getenv("SOFTISP_TUNING_PATH");
    for (*count = 0; at && *at; at += *at == ':') {
        size_t length = strcspn(at, ":");
        if (length > 0 && (*count)++ == index)
            return put(path, path_size, at, length, "");
        at += length;
    }
    return -ENOENT;
}

static int of_user(char *path, size_t path_size)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (config && config[0] == '/')
        return put(path, path_size, config, strlen(config), "/softisp/tuning");
    if (home && home[0] == '/')
        return put(path, path_size, home, strlen(home), "/.config/softisp/tuning");
    return -ENOENT;
}

int sisp_tuning_folder(unsigned index, char *path, size_t path_size)
{
    unsigned count;
    int r = of_environment(index, path, path_size, &count);
    if (r != -ENOENT)
        return r;
    index -= count;
    r = of_user(path, path_size);
    if (index == 0 && r != -ENOENT)
        return r;
    index -= r != -ENOENT;
    if (index >= BASE_COUNT(system_folders))
        return -ENOENT;
    return put(path, path_size, "", 0, system_folders[index]);
}

int sisp_tuning_candidate(const char *sensor, unsigned index, char *path, size_t path_size)
{
    if (!sensor || !is_name(sensor))
        return -EINVAL;
    int r = sisp_tuning_folder(index / BASE_COUNT(endings), path, path_size);
    if (r)
        return r;
    size_t end = strlen(path), room = path_size - end;
    int length = snprintf(path + end, room, "/%s.%s", sensor, endings[index % BASE_COUNT(endings)]);
    return length < 0 || (size_t)length >= room ? -ENAMETOOLONG : 0;
}
