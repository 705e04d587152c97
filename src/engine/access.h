/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Access: what the CPU says to the kernel before and after it touches a dmabuf that devices share.
 * It may wait for devices, so it is said by the threads of the caller, never by the control thread.
 */
#ifndef ENGINE_ACCESS_H
#define ENGINE_ACCESS_H

#include "engine/lending.h"
#include "engine/resource_manager.h"

/** An input: from its submission until its producer has it again. */
void eng_access_begin_read(struct eng_resource_manager *manager, uint32_t index);
void eng_access_end_read(struct eng_resource_manager *manager, uint32_t index);

/** Its submission was refused: who has it may have it filled again where it is, and submit it then.
 */
void eng_access_refuse(
    struct eng_resource_manager *manager, struct eng_lending *lending, struct eng_handle input);

/** What is handed out has been written; what is given back will be. Inputs are read all the time.
 */
void eng_access_hand_out(struct eng_resource_manager *manager, const struct eng_handle *handles);
void eng_access_take_back(struct eng_resource_manager *manager, struct eng_handle handle);

#endif
