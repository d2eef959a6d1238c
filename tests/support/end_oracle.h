/* SPDX-License-Identifier: MIT */
/*
 * end_oracle.h - ends what begin_oracle.h began: the names are those of <stdatomic.h> again.
 */
#ifdef PENDI_PLATFORM_ATOMIC_ANNOTATED_H
#pragma pop_macro("atomic_load_explicit")
#pragma pop_macro("atomic_store_explicit")
#pragma pop_macro("atomic_exchange_explicit")
#pragma pop_macro("atomic_fetch_add_explicit")
#pragma pop_macro("atomic_fetch_sub_explicit")
#pragma pop_macro("atomic_compare_exchange_weak_explicit")
#pragma pop_macro("atomic_compare_exchange_strong_explicit")
#endif
