/* SPDX-License-Identifier: MIT */
/*
 * atomic_model.h - a backend of platform/atomic.h: every access is a call of the model checker.
 *
 * What an order is worth is the checker's to say (weak.c); in its other modes each load acquires and
 * each store releases, as on x86. pendi_membarrier() gets a site too: it is the other half of
 * pendi_fence_light().
 */
#ifndef TESTS_MODEL_ATOMIC_MODEL_H
#define TESTS_MODEL_ATOMIC_MODEL_H

#include <stdatomic.h>
#include <string.h>

#include "platform/compiler.h"
#include "tests/model/checker/access.h"

#define PENDI_VECTORS 0

/* The record of this place. */
#define MODEL_SITE(kind_, order_, text_, acquire_edge_, release_edge_)                             \
	__extension__({                                                                            \
		static struct model_site model_site_ __attribute__((                               \
			section("model_sites"), used)) = { __FILE__,      __func__,      text_,    \
							   acquire_edge_, release_edge_, __LINE__, \
							   kind_,         order_,        order_ }; \
		&model_site_;                                                                      \
	})

/* The type of *p without _Atomic or const. */
#define MODEL_TYPE(p) __typeof__((void)0, *(p))

#define MODEL_LOAD(p, site)                                                     \
	__extension__({                                                         \
		MODEL_TYPE(p) model_value_;                                     \
		model_load((site), (const void *)(uintptr_t)(p), &model_value_, \
			   sizeof(model_value_));                               \
		model_value_;                                                   \
	})
#define MODEL_STORE(p, v, site)                                                                   \
	__extension__({                                                                           \
		const MODEL_TYPE(p) model_value_ = (v);                                           \
		model_store((site), (void *)(uintptr_t)(p), &model_value_, sizeof(model_value_)); \
	})
#define MODEL_CAS(p, expected, v, site)                                              \
	__extension__({                                                              \
		const MODEL_TYPE(p) model_value_ = (v);                              \
		model_cas((site), (void *)(uintptr_t)(p), (expected), &model_value_, \
			  sizeof(model_value_));                                     \
	})
#define MODEL_EXCHANGE(p, v, site)                                                        \
	__extension__({                                                                   \
		MODEL_TYPE(p) model_value_ = (v);                                         \
		uint64_t model_word_ = 0;                                                 \
		memcpy(&model_word_, &model_value_, sizeof(model_value_));                \
		model_word_ = model_exchange((site), (void *)(uintptr_t)(p), model_word_, \
					     sizeof(model_value_));                       \
		memcpy(&model_value_, &model_word_, sizeof(model_value_));                \
		model_value_;                                                             \
	})
#define MODEL_ADD(p, v, site) \
	((MODEL_TYPE(p))model_add((site), (void *)(uintptr_t)(p), (uint64_t)(v), sizeof(*(p))))

#define MODEL_SITE_RELAXED(kind, text) MODEL_SITE(kind, MODEL_RELAXED, text, NULL, NULL)
#define MODEL_SITE_ACQUIRE(kind, text, edge) MODEL_SITE(kind, MODEL_ACQUIRE, text, #edge, NULL)
#define MODEL_SITE_RELEASE(kind, text, edge) MODEL_SITE(kind, MODEL_RELEASE, text, NULL, #edge)
#define MODEL_SITE_BOTH(kind, text, acquire_edge, release_edge) \
	MODEL_SITE(kind, MODEL_ACQ_REL, text, #acquire_edge, #release_edge)
#define MODEL_SITE_FENCE(kind, edge) MODEL_SITE(kind, MODEL_SEQ_CST, "", edge, NULL)

#define pendi_load_relaxed(p) MODEL_LOAD(p, MODEL_SITE_RELAXED(MODEL_LOAD_, #p))
#define pendi_load_acquire(p, edge) MODEL_LOAD(p, MODEL_SITE_ACQUIRE(MODEL_LOAD_, #p, edge))
#define pendi_store_relaxed(p, v) MODEL_STORE(p, v, MODEL_SITE_RELAXED(MODEL_STORE_, #p))
#define pendi_store_release(p, v, edge) \
	MODEL_STORE(p, v, MODEL_SITE_RELEASE(MODEL_STORE_, #p, edge))
#define pendi_cas_relaxed(p, expected, v) \
	MODEL_CAS(p, expected, v, MODEL_SITE_RELAXED(MODEL_CAS_, #p))
#define pendi_cas_acquire(p, expected, v, edge) \
	MODEL_CAS(p, expected, v, MODEL_SITE_ACQUIRE(MODEL_CAS_, #p, edge))
#define pendi_cas_release(p, expected, v, edge) \
	MODEL_CAS(p, expected, v, MODEL_SITE_RELEASE(MODEL_CAS_, #p, edge))
#define pendi_cas_acq_rel(p, expected, v, acquire_edge, release_edge) \
	MODEL_CAS(p, expected, v, MODEL_SITE_BOTH(MODEL_CAS_, #p, acquire_edge, release_edge))
#define pendi_exchange_relaxed(p, v) MODEL_EXCHANGE(p, v, MODEL_SITE_RELAXED(MODEL_EXCHANGE_, #p))
#define pendi_exchange_acquire(p, v, edge) \
	MODEL_EXCHANGE(p, v, MODEL_SITE_ACQUIRE(MODEL_EXCHANGE_, #p, edge))
#define pendi_exchange_release(p, v, edge) \
	MODEL_EXCHANGE(p, v, MODEL_SITE_RELEASE(MODEL_EXCHANGE_, #p, edge))
#define pendi_exchange_acq_rel(p, v, acquire_edge, release_edge) \
	MODEL_EXCHANGE(p, v, MODEL_SITE_BOTH(MODEL_EXCHANGE_, #p, acquire_edge, release_edge))
#define pendi_fetch_add_relaxed(p, v) MODEL_ADD(p, v, MODEL_SITE_RELAXED(MODEL_ADD_, #p))
#define pendi_fetch_add_release(p, v, edge) \
	MODEL_ADD(p, v, MODEL_SITE_RELEASE(MODEL_ADD_, #p, edge))
#define pendi_fetch_add_acq_rel(p, v, acquire_edge, release_edge) \
	MODEL_ADD(p, v, MODEL_SITE_BOTH(MODEL_ADD_, #p, acquire_edge, release_edge))
#define pendi_fetch_sub_relaxed(p, v) \
	MODEL_ADD(p, -(uint64_t)(v), MODEL_SITE_RELAXED(MODEL_ADD_, #p))
#define pendi_fetch_sub_release(p, v, edge) \
	MODEL_ADD(p, -(uint64_t)(v), MODEL_SITE_RELEASE(MODEL_ADD_, #p, edge))

#define pendi_fence_light(edge) model_fence(MODEL_SITE_FENCE(MODEL_FENCE_LIGHT_, #edge))
#define pendi_fence_store_load(edge) model_fence(MODEL_SITE_FENCE(MODEL_FENCE_, #edge))
#define pendi_fence_store_load_after_rmw(edge) \
	model_fence(MODEL_SITE_FENCE(MODEL_FENCE_AFTER_RMW_, #edge))
#define pendi_cpu_relax() model_relax()
#define pendi_once(once, function) model_once((once), (function))

/* A call names its site; the declaration and the definition, which say (void), stay what they are. */
#define pendi_membarrier(...) MODEL_MEMBARRIER_##__VA_ARGS__
#define MODEL_MEMBARRIER_void pendi_membarrier(void)
#define MODEL_MEMBARRIER_ \
	(model_fence_heavy(MODEL_SITE_FENCE(MODEL_FENCE_HEAVY_, "membarrier")), pendi_membarrier())

#define pendi_copy_in_release(words, source, bytes, edge) \
	model_copy_in(MODEL_SITE_RELEASE(MODEL_STORE_, #words, edge), (words), (source), (bytes))
#define pendi_copy_out_acquire(target, words, bytes, edge) \
	model_copy_out(MODEL_SITE_ACQUIRE(MODEL_LOAD_, #words, edge), (target), (words), (bytes))
#define pendi_equal_acquire(words, source, bytes, edge) \
	model_equal(MODEL_SITE_ACQUIRE(MODEL_LOAD_, #words, edge), (words), (source), (bytes))
#define pendi_match16_acquire(cells, value, mask, edge) \
	model_match16(MODEL_SITE_ACQUIRE(MODEL_LOAD_, #cells, edge), (cells), (value), (mask))

static inline void model_copy_in(struct model_site *site, _Atomic uint64_t *words,
				 const void *source, size_t bytes)
{
	const unsigned char *from = source;

	for (size_t done = 0; done < bytes; done += 8) {
		uint64_t word = 0;

		memcpy(&word, from + done, bytes - done < 8 ? bytes - done : 8);
		MODEL_STORE(words++, word, site);
	}
}

static inline void model_copy_out(struct model_site *site, void *target,
				  const _Atomic uint64_t *words, size_t bytes)
{
	unsigned char *to = target;

	for (size_t done = 0; done < bytes; done += 8) {
		const uint64_t word = MODEL_LOAD(words++, site);

		memcpy(to + done, &word, bytes - done < 8 ? bytes - done : 8);
	}
}

static inline bool model_equal(struct model_site *site, const _Atomic uint64_t *words,
			       const void *source, size_t bytes)
{
	const unsigned char *from = source;

	for (size_t done = 0; done < bytes; done += 8) {
		uint64_t word = 0;

		memcpy(&word, from + done, bytes - done < 8 ? bytes - done : 8);
		if (MODEL_LOAD(words++, site) != word)
			return false;
	}
	return true;
}

static inline uint32_t model_match16(struct model_site *site, const _Atomic uint32_t *cells,
				     uint32_t value, uint32_t mask)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < 16; i++)
		found |= (uint32_t)((MODEL_LOAD(&cells[i], site) & mask) == value) << i;
	return found;
}

#endif
