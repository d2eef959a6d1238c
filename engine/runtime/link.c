/* SPDX-License-Identifier: MIT */
/*
 * link.c - attaching programs to hooks, and detaching them (F73, F88, C6).
 *
 *	attach: client of the hook -> all memory -> [mutex: room? place, next chain] -> publish
 *	detach: [mutex: the chain without it] -> publish -> no invocation runs it any more -> drop
 *
 * A link keeps a chain in reserve, so that detaching needs no memory and cannot fail for want of it,
 * whoever detaches: a call, or the end of the last handle.
 *
 * A link is a client of its hook for as long as one of its attachments is not freed; `hook` is read
 * only while one is.
 */
#include <string.h>

#include "engine/object/options.h"
#include "engine/runtime/runtime_internal.h"
#include "platform/memory.h"

/* sizeof(struct pend_link_options) in the first version, and of the info. */
#define LINK_OPTIONS_SIZE_FIRST sizeof(struct pend_link_options)
#define LINK_INFO_SIZE_FIRST sizeof(struct pend_link_info)

/* Set in the order of what is for any compartment: it comes after all that is for one. */
#define LINK_ORDER_ANY (UINT64_C(1) << 63)

int pendi_link_may_wait(void)
{
	return pendi_frame_innermost || !pendi_epoch_may_wait() ? -EDEADLK : 0;
}

int pendi_link_check(const struct pend_program *program, const struct pend_uuid *program_type,
		     const struct pend_uuid *attach_type, const struct pend_namespace *name_space)
{
	static const struct pend_uuid any;
	const struct pend_uuid *expected = &program->attach_type;

	if (memcmp(&program->type_id, program_type, sizeof(*program_type)) ||
	    (memcmp(expected, &any, sizeof(any)) &&
	     memcmp(expected, attach_type, sizeof(*attach_type))))
		return -EINVAL;
	return pendi_object_same_namespace(&program->object.name_space, name_space) ? 0 : -EPERM;
}

/* ---- leaving ---- */

/* Takes the link out of its hook's chain. 0, and what is to be dropped; or -ENOLINK. */
static int leave_chain(struct pend_link *link, pend_link_detached_fn done, void *context,
		       struct pendi_attachment **left)
{
	struct pendi_chain *old;

	pthread_mutex_lock(&link->runtime->cleaner.mutex);
	*left = link->attachment;
	if (!*left) {
		pthread_mutex_unlock(&link->runtime->cleaner.mutex);
		return -ENOLINK;
	}
	(*left)->detached = done;
	(*left)->detached_context = context;
	(*left)->program->attached--;
	old = pendi_chain_publish(link->hook, link->spare, *left, NULL);
	link->spare = NULL;
	link->attachment = NULL;
	pthread_mutex_unlock(&link->runtime->cleaner.mutex);
	pendi_chain_retire(old);
	return 0;
}

static int check_outstanding(enum pend_outstanding outstanding)
{
	return outstanding == PEND_OUTSTANDING_FINISH || outstanding == PEND_OUTSTANDING_COMPLETE
		       ? 0
		       : -EINVAL;
}

static int refuse_link(struct pend_link *link, int error)
{
	return pendi_registry_refuse(&link->runtime->registry, PENDI_REFUSED_LINK, error);
}

int pend_link_detach(struct pend_link *link, enum pend_outstanding outstanding)
{
	struct pendi_attachment *left;
	int error;

	if (!link)
		return -EFAULT;
	error = check_outstanding(outstanding);

	if (!error)
		error = pendi_link_may_wait();
	if (!error)
		error = leave_chain(link, NULL, NULL, &left);
	if (error)
		return refuse_link(link, error);
	pendi_attachment_drop_waiting(left, outstanding, NULL);
	pendi_cleaner_run(link->runtime);
	return 0;
}

int pend_link_detach_async(struct pend_link *link, enum pend_outstanding outstanding,
			   pend_link_detached_fn done, void *context)
{
	struct pendi_attachment *left;
	int error;

	if (!link)
		return -EFAULT;
	error = check_outstanding(outstanding);
	if (!error)
		error = leave_chain(link, done, context, &left);
	if (error)
		return refuse_link(link, error);
	pendi_attachment_drop(left, outstanding);
	pendi_cleaner_run(link->runtime);
	return 0;
}

/* The last handle is gone. */
static void abandon_link(struct pendi_object *object)
{
	struct pend_link *link = PENDI_CONTAINER_OF(object, struct pend_link, object);
	struct pendi_attachment *left;

	if (leave_chain(link, NULL, NULL, &left))
		return;
	pendi_attachment_drop(left, PEND_OUTSTANDING_FINISH);
}

static void free_link(struct pend_link *link)
{
	pendi_memory_release(&link->runtime->registry.allocator, link, sizeof(*link));
}

static void release_link(struct pendi_object *object)
{
	free_link(PENDI_CONTAINER_OF(object, struct pend_link, object));
}

int pend_link_close(struct pend_link *link)
{
	struct pend_runtime *runtime;

	if (!link)
		return -EFAULT;
	runtime = link->runtime;
	pendi_object_close(&link->object);
	pendi_cleaner_run(runtime);
	return 0;
}

/* ---- attaching ---- */

/* What an attach needs besides its link. */
struct link_parts {
	struct pendi_attachment *attachment;
	struct pendi_chain *next;
};

static bool make_link_parts(struct pend_program *program, struct pend_link *link,
			    struct link_parts *parts)
{
	parts->attachment = pendi_attachment_create(program, link);
	parts->next = pendi_chain_create(link->runtime);
	link->spare = pendi_chain_create(link->runtime);
	return parts->attachment && parts->next && link->spare;
}

static void undo_link(struct pend_link *link, const struct link_parts *parts)
{
	if (parts->attachment)
		pendi_attachment_discard(parts->attachment);
	pendi_chain_free(parts->next);
	pendi_chain_free(link->spare);
	pendi_registry_unuse(&link->use);
	free_link(link);
}

/* 0, or why the hook takes no such program now. Under the mutex. */
static int check_room(struct pend_hook *hook, const struct pend_program *program)
{
	const struct pendi_chain *chain = pendi_chain_of(hook);

	if (!hook->open)
		return -ENODEV;
	if (chain->count >= hook->links_max)
		return -ENOSPC;
	if (hook->flags & PEND_HOOK_EXCLUSIVE_PENDER && program->may_pend &&
	    pendi_chain_has_pender(chain, NULL))
		return -EBUSY;
	return 0;
}

/* Enters the chain: what it was before, to be retired. Under the mutex. */
static struct pendi_chain *enter_chain(struct pend_link *link, const struct link_parts *parts)
{
	struct pend_hook *hook = link->hook;

	pendi_object_enlist(&link->runtime->registry, &link->object);
	link->sequence = ++hook->last_sequence;
	link->order = link->sequence |
		      (link->compartment == PEND_COMPARTMENT_ANY ? LINK_ORDER_ANY : 0);
	pendi_attachment_enlist(parts->attachment);
	return pendi_chain_publish(hook, parts->next, NULL, parts->attachment);
}

static int attach_link(struct pend_program *program, struct pend_link *link)
{
	struct pendi_chain *old = NULL;
	struct link_parts parts;
	int error = pendi_link_check(program, &link->hook->program_type, &link->attach_type,
				     &link->object.name_space);

	if (error) {
		pendi_registry_unuse(&link->use);
		free_link(link);
		return error;
	}
	error = make_link_parts(program, link, &parts) ? 0 : -ENOMEM;
	if (!error) {
		pthread_mutex_lock(&link->runtime->cleaner.mutex);
		error = check_room(link->hook, program);
		if (!error)
			old = enter_chain(link, &parts);
		pthread_mutex_unlock(&link->runtime->cleaner.mutex);
	}
	if (error)
		undo_link(link, &parts);
	else
		pendi_chain_retire(old);
	return error;
}

static int make_link(struct pend_program *program, const struct pend_link_options *options,
		     struct pend_link **link)
{
	struct pend_link_options given = { 0 };
	struct pend_runtime *runtime;
	struct pend_link *made;
	int error = options && link ? 0 : -EFAULT;

	if (!error)
		error = pendi_options_read(&given, sizeof(given), LINK_OPTIONS_SIZE_FIRST, options);
	if (!error && (given.flags || given.reserved))
		error = -EINVAL;
	if (error)
		return error;
	runtime = program->runtime;
	made = pendi_memory_allocate(&runtime->registry.allocator, sizeof(*made),
				     _Alignof(struct pend_link));
	if (!made)
		return -ENOMEM;
	made->runtime = runtime;
	made->attach_type = given.attach_type;
	made->compartment = given.compartment;
	made->object.kind = PENDI_OBJECT_LINK;
	made->object.name_space = given.name_space;
	made->object.abandon = abandon_link;
	made->object.release = release_link;
	error = pendi_registry_use(&runtime->registry, PEND_PROVIDER_HOOK, &given.attach_type,
				   &made->use);
	if (error) {
		free_link(made);
		return error;
	}
	made->hook = pendi_use_context(&made->use);
	error = attach_link(program, made);
	if (error)
		return error;
	pendi_cleaner_run(runtime);
	*link = made;
	return 0;
}

int pend_link_attach(struct pend_program *program, const struct pend_link_options *options,
		     struct pend_link **link)
{
	return program ? pendi_registry_refuse(&program->runtime->registry, PENDI_REFUSED_LINK,
					       make_link(program, options, link))
		       : -EFAULT;
}

/* ---- what it is, and finding it ---- */

static void describe_attachment(const struct pend_link *link, struct pend_link_info *info)
{
	const struct pendi_attachment *attachment = link->attachment;
	const struct pendi_chain *chain = pendi_chain_of(link->hook);

	while (chain->attachments[info->position] != attachment)
		info->position++;
	info->state = PEND_LINK_ATTACHED;
	info->flags = attachment->program->may_pend ? PEND_PROGRAM_MAY_PEND : 0;
	info->program_id = attachment->program->object.id;
	info->runs = pendi_attachment_runs(attachment);
}

int pend_link_info_read(struct pend_link *link, struct pend_link_info *info)
{
	struct pend_link_info now = { .state = PEND_LINK_DETACHED };

	if (!link || !info)
		return -EFAULT;
	if (info->size < LINK_INFO_SIZE_FIRST)
		return -EINVAL;
	now.id = link->object.id;
	now.compartment = link->compartment;
	now.attach_type = link->attach_type;
	pthread_mutex_lock(&link->runtime->cleaner.mutex);
	now.updates = link->updates;
	for (const struct pendi_attachment *at = link->attachments; at; at = at->link_next)
		now.pended += pendi_attachment_pended(at);
	if (link->attachment)
		describe_attachment(link, &now);
	pthread_mutex_unlock(&link->runtime->cleaner.mutex);
	now.size = info->size;
	memcpy(info, &now, info->size < sizeof(now) ? info->size : sizeof(now));
	return 0;
}

int pend_link_pin(struct pend_link *link, const char *name)
{
	return link ? pendi_object_pin(&link->object, name) : -EFAULT;
}

/* Gives a handle to the caller, if one was found. */
static int give_link(struct pendi_object *object, struct pend_link **link)
{
	if (!object)
		return -ENOENT;
	*link = PENDI_CONTAINER_OF(object, struct pend_link, object);
	return 0;
}

int pend_link_open(struct pend_runtime *runtime, const struct pend_namespace *name_space,
		   const char *name, struct pend_link **link)
{
	if (!runtime || !name || !link)
		return -EFAULT;
	return give_link(pendi_object_open(&runtime->registry, PENDI_OBJECT_LINK, name_space, name),
			 link);
}

int64_t pend_link_next_id(struct pend_runtime *runtime, const struct pend_namespace *name_space,
			  uint32_t id)
{
	return runtime ? (int64_t)pendi_object_next_id(&runtime->registry, PENDI_OBJECT_LINK,
						       name_space, id)
		       : -EFAULT;
}

int pend_link_by_id(struct pend_runtime *runtime, const struct pend_namespace *name_space,
		    uint32_t id, struct pend_link **link)
{
	if (!runtime || !link)
		return -EFAULT;
	return give_link(pendi_object_by_id(&runtime->registry, PENDI_OBJECT_LINK, name_space, id),
			 link);
}
