# SPDX-License-Identifier: GPL-3.0-or-later
"""Protocol mistakes that somebody could make, each as one exact replacement in one file."""


def mutant(name, why, file, old, new):
    return {"name": name, "why": why, "file": file, "old": old, "new": new}


TOKEN = "src/engine/token.c"

MUTANTS = [
    # ---- the token's table and its memory order --------------------------------------------------
    mutant("apply-relaxed", "what the old owner wrote is not seen by the new one", TOKEN,
           "token, &word, next, memory_order_acq_rel, memory_order_acquire",
           "token, &word, next, memory_order_relaxed, memory_order_relaxed"),
    mutant("apply-without-release", "publish, finish and acknowledge order nothing", TOKEN,
           "token, &word, next, memory_order_acq_rel, memory_order_acquire",
           "token, &word, next, memory_order_acquire, memory_order_acquire"),
    mutant("apply-plain-store", "a newer owner is overwritten", TOKEN,
           "} while (!atomic_compare_exchange_weak_explicit(\n"
           "        token, &word, next, memory_order_acq_rel, memory_order_acquire));",
           "} while (atomic_exchange_explicit(token, next, memory_order_acq_rel) == ~word);"),
    mutant("grant-not-raised", "an old hint starts a new dispatch", TOKEN,
           "(eng_token_grant(word) + 1) & ENG_TOKEN_GRANT_MASK", "eng_token_grant(word)"),
    mutant("convert-while-busy", "a slot is reused while its loser writes", TOKEN,
           "[ENG_EDGE_CONVERT] = {STATE(MONITOR) | STATE(QUARANTINE), 0, ENG_TOKEN_BUSY,",
           "[ENG_EDGE_CONVERT] = {STATE(MONITOR) | STATE(QUARANTINE), 0, 0,"),
    mutant("convert-ignores-hardware", "reuse without asking the hardware", TOKEN,
           "[ENG_EDGE_CONVERT] = {STATE(MONITOR) | STATE(QUARANTINE), 0, ENG_TOKEN_BUSY,",
           "[ENG_EDGE_CONVERT] = {STATE(MONITOR) | STATE(QUARANTINE), 0, ENG_TOKEN_CPU_BUSY,"),
    mutant("finish-without-hardware-guard", "a result is published that hardware still writes",
           TOKEN, "[ENG_EDGE_FINISH] = {STATE(WORKER), ENG_TOKEN_CPU_BUSY, ENG_TOKEN_HW_BUSY,",
           "[ENG_EDGE_FINISH] = {STATE(WORKER), ENG_TOKEN_CPU_BUSY, 0,"),
    mutant("finish-with-any-grant", "a late worker finishes somebody else's dispatch", TOKEN,
           "return !rule->match_grant || eng_token_grant(word) == args->grant;", "return true;"),
    mutant("start-by-any-holder", "two workers start one slot", TOKEN,
           "if (rule->match_holder && eng_token_holder(word) != args->holder)",
           "if (rule->match_holder && eng_token_holder(word) < args->holder)"),
    mutant("cancel-survives-into-free", "the next holder is born cancelled", TOKEN,
           "ENG_TOKEN_FREE, 0, ENG_TOKEN_CANCEL}", "ENG_TOKEN_FREE, 0, 0}"),
    mutant("return-of-pinned", "a consumer's slot becomes free under its reader", TOKEN,
           "if (edge == ENG_EDGE_RETURN && eng_token_state(word) == ENG_TOKEN_CONSUMER && args->pins)",
           "if (edge == ENG_EDGE_RETURN && eng_token_state(word) == ENG_TOKEN_FREE && args->pins)"),
    mutant("hw-done-of-any-grant", "a late answer frees a slot that new hardware writes", TOKEN,
           "[ENG_EDGE_HW_DONE] = {ANY_STATE, ENG_TOKEN_HW_BUSY, 0, 0, 0, 1,",
           "[ENG_EDGE_HW_DONE] = {ANY_STATE, ENG_TOKEN_HW_BUSY, 0, 0, 0, 0,"),
    mutant("acknowledge-clears-all", "the acknowledgement hides hardware that still writes", TOKEN,
           "KEEP, 0,\n        ENG_TOKEN_CPU_BUSY},\n    [ENG_EDGE_CANCEL]",
           "KEEP, 0,\n        ENG_TOKEN_BUSY},\n    [ENG_EDGE_CANCEL]"),

    # ---- hand-off: attempts, queues, worker shell -------------------------------------------------
    mutant("dispatch-before-envelope", "the worker reads an Envelope that is being written",
           "src/engine/attempt.c",
           "    fill_envelope(core, frame);\n"
           "    struct eng_token_args args = {.holder = (uint16_t)(worker + 1)};\n"
           "    bool ok = eng_arena_apply(&core->arena, frame->slot, ENG_EDGE_DISPATCH, &args);\n"
           "    sisp_assert(ok);\n",
           "    struct eng_token_args args = {.holder = (uint16_t)(worker + 1)};\n"
           "    bool ok = eng_arena_apply(&core->arena, frame->slot, ENG_EDGE_DISPATCH, &args);\n"
           "    sisp_assert(ok);\n"
           "    fill_envelope(core, frame);\n"),
    mutant("reuse-before-acknowledgement", "buffers of a stolen attempt are given to others",
           "src/engine/attempt.c",
           "    eng_monitor_add(core, frame, worker);\n    frame->slot = ENG_NONE;",
           "    eng_monitor_add(core, frame, worker);\n    eng_attempt_unpin(core, frame->slot);\n"
           "    frame->slot = ENG_NONE;"),
    mutant("steal-counts-as-finished", "an attempt that was lost is published", "src/engine/attempt.c",
           "eng_token_state(eng_attempt_token(core, frame->slot)) == ENG_TOKEN_DONE)\n"
           "        return false;",
           "eng_token_state(eng_attempt_token(core, frame->slot)) == ENG_TOKEN_DONE)\n"
           "        apply(core, frame->slot, ENG_EDGE_ADVANCE, frame->grant);"),
    mutant("claim-oldest-first", "what is claimed is not a suffix: a hole in the queue",
           "src/engine/handoff.c", "uint32_t slot = record->queue[record->count - 1];",
           "uint32_t slot = record->queue[0];"),
    mutant("item-skipped-when-claim-fails", "what had started is forgotten", "src/engine/handoff.c",
           "        if (!eng_attempt_claim(core, frame))\n            break;",
           "        if (!eng_attempt_claim(core, frame)) {\n"
           "            eng_handoff_resolve(core, slot);\n            continue;\n        }"),
    mutant("suspect-gets-work", "a worker that hangs is given the next frame",
           "src/engine/handoff.c", "record->lost == 0 &&\n           !record->is_suspect &&",
           "record->lost < 99 &&\n           !record->is_quarantined &&"),
    mutant("lost-worker-is-silent", "the loser never acknowledges", "src/engine/worker.c",
           "if (!eng_token_apply(token, ENG_EDGE_ACKNOWLEDGE, args, &counts->token))",
           "if (eng_token_state(word) == ENG_TOKEN_FREE)"),
    mutant("leader-leaves-helpers", "a frame is finished while a helper of the team writes",
           "src/engine/worker.c", "while (gate & GATE_INSIDE) {", "while (gate & GATE_OPEN) {"),
    mutant("bell-rings-nobody", "a wake-up is lost", "src/engine/bell.h",
           "if (atomic_exchange_explicit(bell, 1, memory_order_acq_rel) == 0)",
           "if (atomic_exchange_explicit(bell, 1, memory_order_acq_rel) != 0)"),
    mutant("reads-uncommitted-state", "which state a frame reads depends on timing",
           "src/engine/scheduler.c", "if (!(roles & written_roles(core, frame->path)))",
           "if (roles || !(roles & written_roles(core, frame->path)))"),
    # ---- Monitor and hardware ----------------------------------------------------------------------
    mutant("quarantine-drops-pins", "a quarantined slot's buffers are reused under its writer",
           "src/engine/monitor.c", "    stolen->is_quarantined = true;\n",
           "    stolen->is_quarantined = true;\n    eng_attempt_unpin(core, stolen->slot);\n"),
    mutant("never-escalates", "a slot waits for ever for who never answers", "src/engine/monitor.c",
           "    if (core->now_ns >= end_ns)\n        escalate(core, stolen);",
           "    if (core->now_ns >= end_ns && end_ns == 0)\n        escalate(core, stolen);"),
    mutant("reset-while-cpu-busy", "a worker submits its job after the reset", "src/engine/hardware.c",
           "(word & ENG_TOKEN_BUSY) != ENG_TOKEN_HW_BUSY)", "!(word & ENG_TOKEN_HW_BUSY))"),
    mutant("hw-done-without-grant", "a late answer counts for the next job",
           "src/engine/hardware.c", "uint64_t expected = ticket.grant | ARMED;",
           "uint64_t expected = ticket.slot < hardware->slot_count\n"
           "                            ? atomic_load(&hardware->words[ticket.slot]) | ARMED\n"
           "                            : 0;"),
    mutant("reset-failure-ignored", "a slot is freed although the reset failed",
           "src/engine/hardware.c", "for (uint64_t slots = has_failed ? 0 : reset->slots;",
           "for (uint64_t slots = reset->slots;"),
    # ---- slots, sessions, control items -------------------------------------------------------------
    mutant("no-idempotence-check", "a repeated control item returns a slot twice",
           "src/engine/session_manager.c", "if (eng_control_is_applied(window, item)) {",
           "if (item->sequence == 0) {"),
    mutant("window-forgets", "an item is not marked as applied", "src/engine/control_item.c",
           "    window->applied |= (uint64_t)1 << (window->high - item->sequence);",
           "    window->applied |= (uint64_t)0 << (window->high - item->sequence);"),
    mutant("free-seq-not-in-append", "the number is not drawn where the slot is appended",
           "src/engine/session_manager.c",
           "manager->slots[slot].free_seq = ++manager->next_free_seq;",
           "manager->slots[slot].free_seq =\n"
           "        manager->next_free_seq += manager->fifo_head == manager->fifo_tail;"),
    mutant("fifo-is-a-stack", "the newest free slot is taken", "src/engine/session_manager.c",
           "uint32_t slot = manager->fifo[manager->fifo_tail++ % ENG_SLOTS_MAX];",
           "uint32_t slot = manager->fifo[--manager->fifo_head % ENG_SLOTS_MAX];"),
    mutant("minima-ignored", "one session takes what another was promised",
           "src/engine/session_manager.c", "<= keep + promised(manager, share))", "<= keep)"),
    mutant("caches-not-recalled", "a frame is refused while caches hold slots",
           "src/engine/session_manager.c", "        if (fifo_count(manager) == 0)\n            recall(manager);",
           "        if (fifo_count(manager) > ENG_SLOTS_MAX)\n            recall(manager);"),
    mutant("quarantine-never-ends", "spares stay used when the slot is back",
           "src/engine/session_manager.c", "manager->quarantined -= record->is_quarantined;",
           "manager->quarantined -= 0;"),
    # ---- completion, plans, buffers ------------------------------------------------------------------
    mutant("publish-out-of-order", "a stream's completions overtake each other",
           "src/engine/completion_dispatcher.c",
           "frame->order == session_of(core, frame)->published[frame->row.lane]);",
           "frame->order >= session_of(core, frame)->published[frame->row.lane]);"),
    mutant("consumer-takes-last-floor", "the floor has no buffer when it is needed",
           "src/engine/completion_dispatcher.c", "held_by(core, frame->row.session, pool) + 1 >=",
           "held_by(core, frame->row.session, pool) + 0 >="),
    mutant("reservation-not-returned", "an expired plan keeps what it reserved",
           "src/engine/fusion_manager.c",
           "        if (plan->is_reserved)\n            unreserve(core, written_roles(core));",
           "        if (plan->is_reserved && plan->expires_ns > core->now_ns)\n"
           "            unreserve(core, written_roles(core));"),
    mutant("stale-handle-accepted", "a handle of the last generation unpins the next one's",
           "src/engine/resource_manager.c",
           "return buffer->generation == handle.generation && has_pins(buffer) ? buffer : NULL;",
           "return buffer->generation >= handle.generation && has_pins(buffer) ? buffer : NULL;"),
    mutant("quota-ignored", "used and reserved exceed the quota", "src/engine/resource_manager.c",
           "return room / pool->size_bytes >= count;", "return room / pool->size_bytes + count >= count;"),
    mutant("second-release-taken", "a buffer is given back twice", "src/engine/lending.c",
           "uint64_t expected = word_of(handle.generation, from);",
           "uint64_t expected = atomic_load(&lending->words[handle.index]);"),
    # ---- queues ------------------------------------------------------------------------------------------
    mutant("ring-push-relaxed", "a cell is read before it was written", "src/engine/ring.c",
           "atomic_store_explicit(&ring->head, head + 1, memory_order_release);",
           "atomic_store_explicit(&ring->head, head + 1, memory_order_relaxed);"),
    mutant("ring-one-too-many", "a full ring takes one more", "src/engine/ring.c",
           "if (head - tail >= ring->capacity)", "if (head - tail > ring->capacity)"),
    mutant("inbox-turn-relaxed", "a message is read before it was written", "src/engine/inbox.c",
           "atomic_store_explicit(&inbox->turns[cell], at + 1, memory_order_release);",
           "atomic_store_explicit(&inbox->turns[cell], at + 1, memory_order_relaxed);"),
    mutant("hint-push-relaxed", "a hint is read before it was written", "src/engine/belief.c",
           "atomic_store_explicit(&shared->ring.head, ++*head, memory_order_release);",
           "atomic_store_explicit(&shared->ring.head, ++*head, memory_order_relaxed);"),
    mutant("belief-trusts-anything", "what a hostile process wrote is acted on",
           "src/engine/belief.c", "if (eng_token_can_become(belief->words[slot], word))",
           "if (belief->words[slot] != word + 1)"),
    mutant("control-apply-relaxed", "what the worker wrote is not seen by the control thread",
           "src/engine/belief.c",
           "token, &word, next, memory_order_acq_rel, memory_order_acquire);",
           "token, &word, next, memory_order_relaxed, memory_order_relaxed);"),
]
