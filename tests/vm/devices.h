/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The guest's devices that stand for other people's: fences to order, dmabufs of a display. */
#ifndef TESTS_VM_DEVICES_H
#define TESTS_VM_DEVICES_H

#include <stddef.h>
#include <stdint.h>

/** sw_sync: a timeline whose fences signal when it is told to. All return a descriptor, or negative
 * errno: -ENOENT where the kernel has it not. */
int timeline_open(void);
int timeline_fence(int timeline, uint32_t value);
int timeline_advance(int timeline, uint32_t steps);

/** vgem, a display adapter without a display: dmabufs with fences on them. */
int vgem_open(void);
int vgem_dmabuf(int card, size_t size_bytes, uint32_t *handle);
/** Something is "drawn" into the buffer until vgem_signal(). */
int vgem_attach(int card, uint32_t handle, uint32_t *fence);
int vgem_signal(int card, uint32_t fence);

/** Dmabufs as another program would make them. */
int udmabuf_make(size_t size_bytes);
int dma_heap_make(size_t size_bytes);

/** A sync_file that signals when whoever writes to the dmabuf is done. */
int dmabuf_write_fence(int dmabuf);

/** The device's own sight of it; NULL on failure. */
uint8_t *dmabuf_map(int dmabuf, size_t size_bytes);
void dmabuf_unmap(uint8_t *bytes, size_t size_bytes);

/** What a device does: fill size_bytes of the dmabuf with a pattern of this seed. */
int dmabuf_fill(int dmabuf, size_t size_bytes, unsigned seed);

/** The pattern alone. */
void fill(uint8_t *bytes, size_t size_bytes, unsigned seed);

#endif
