/* SPDX-License-Identifier: GPL-3.0-or-later OR GPL-2.0-only */
/* The kernel's sw_sync.c as a module, for kernels that were built without CONFIG_SW_SYNC: its
 * debugfs file. The list of timelines that sync_debug.c would keep is not needed. */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "sync_debug.h"

static struct dentry *folder;

void sync_timeline_debug_add(struct sync_timeline *timeline)
{
}
void sync_timeline_debug_remove(struct sync_timeline *timeline)
{
}

static int __init swsync_init(void)
{
    folder = debugfs_create_dir("sync", NULL);
    debugfs_create_file_unsafe("sw_sync", 0644, folder, NULL, &sw_sync_debugfs_fops);
    return 0;
}

static void __exit swsync_exit(void)
{
    debugfs_remove_recursive(folder);
}

module_init(swsync_init);
module_exit(swsync_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("sw_sync as a module");
