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
]
