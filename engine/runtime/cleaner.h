/* SPDX-License-Identifier: MIT */
/*
 * cleaner.h - what is done with chains and attachments that no invocation reads any more.
 *
 *	retire -> limbo of the epoch -> handed in -> cleaned
 *	          (readers leave)       (a stack)    (by a call of the control plane, or a tick)
 *
 * The functions that the epoch calls must not block, and run on whatever thread calls into the epoch,
 * also on one that pends. Freeing a program calls the user, and takes the registry's mutex. So the
 * epoch's function only pushes the remnant onto a stack, and it is cleaned elsewhere: by the calls
 * that attach, detach and replace, and by the engine, of which the cleaner is a client that is
 * tended for as long as anything waits. So what is retired is freed although nobody calls any more.
 *
 * `busy` counts what was retired and is not cleaned; nothing that only waits for pended operations is
 * in it.
 */
#ifndef PENDI_ENGINE_RUNTIME_CLEANER_H
#define PENDI_ENGINE_RUNTIME_CLEANER_H

#include <pthread.h>

#include <pendmap/registry.h>

#include "engine/shard/client.h"
#include "epoch/epoch.h"

/* Embedded in what is retired. */
struct pendi_remnant {
	struct pendi_epoch_node node;
	struct pend_runtime *runtime;
	void (*clean)(struct pendi_remnant *remnant);
};

struct pendi_cleaner {
	struct pendi_client client; /* engine NULL: not joined */
	pthread_mutex_t mutex;      /* of hooks, links, programs: what is attached where */
	_Atomic(struct pendi_epoch_node *) handed;
	_Atomic uint32_t busy;
	_Atomic uint32_t strays; /* threads without an epoch that finish an operation right now */
};

/* 0 or -ENOSPC. A runtime without an engine has none that tends. */
int pendi_cleaner_begin(struct pend_runtime *runtime);
/* Nothing lives any more, and no other thread is in the runtime. Blocking on what is in limbo. */
void pendi_cleaner_end(struct pend_runtime *runtime);

/* Has @clean called for @remnant when no reader can reach it: no lock held, inside no epoch of the
 * library's making. Lock-free. */
void pendi_cleaner_retire(struct pend_runtime *runtime, struct pendi_remnant *remnant,
			  void (*clean)(struct pendi_remnant *remnant));
/* Cleans what can be cleaned now. For the ends of calls that may sleep. */
void pendi_cleaner_run(struct pend_runtime *runtime);
/* Waits until all that was retired has been cleaned. Inside an epoch, or while cleaning, it waits
 * for nothing: false. */
bool pendi_cleaner_flush(struct pend_runtime *runtime);

#endif
