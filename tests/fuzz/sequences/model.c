/* SPDX-License-Identifier: MIT */
/*
 * model.c - what must happen: the rules of map.h, on a list of operations.
 */
#include "engine/deadline/due.h"
#include "engine/map/map_internal.h"
#include "tests/fuzz/sequences/world.h"

struct entry *model_find(uint64_t handle)
{
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		if (world.entries[i].phase != GONE && world.entries[i].handle == handle)
			return &world.entries[i];
	return NULL;
}

/* The operation that holds @key, or with @live only one that lookups find. */
struct entry *model_find_key(uint64_t key, bool live)
{
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		if (world.entries[i].phase != GONE && world.entries[i].key == key &&
		    (!live || model_is_live(&world.entries[i])))
			return &world.entries[i];
	return NULL;
}

bool model_is_live(const struct entry *entry)
{
	return entry->phase == PENDING || entry->phase == RERUN;
}

uint32_t model_count(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		count += world.entries[i].phase != GONE;
	return count;
}

/* ---- time ---- */

uint64_t model_slept_since(uint64_t since_ns)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < world.suspends; i++)
		if (world.slept[i].noticed_ns >= since_ns)
			sum += world.slept[i].length_ns;
	return sum;
}

/* A deadline as the library keeps it: no sooner, and to its unit. */
uint64_t model_due_at(uint64_t due_ns)
{
	const uint64_t unit = UINT64_C(1) << PENDI_DUE_UNIT_BITS;

	return due_ns == PEND_DEADLINE_NONE ? due_ns : (due_ns + unit - 1) / unit * unit;
}

/*
 * When the operation is over, by the clock that stands still in suspend: at the soonest, or with
 * @late at the latest. The two differ for what was pended when the suspend was noticed.
 */
uint64_t model_due(const struct entry *entry, bool late)
{
	const uint64_t slept = world.engine ? model_slept_since(entry->pended_ns + late) : 0;

	if (entry->due_ns == PEND_DEADLINE_NONE)
		return entry->due_ns;
	return slept < entry->due_ns ? entry->due_ns - slept : 0;
}

uint64_t model_lifetime_end(const struct entry *entry)
{
	const struct pend_map_options *options = &world.options;
	uint64_t life = options->lifetime_ns;

	if (!life)
		life = options->deadline_ns < PEND_DEADLINE_MAX_NS / 10 ? options->deadline_ns * 10
									: PEND_DEADLINE_NONE;
	return life == PEND_DEADLINE_NONE ? life : entry->pended_ns + life;
}

/* It pends again: the map's deadline anew, within its lifetime, never sooner than before. */
void model_renew(struct entry *entry)
{
	const uint64_t life = world.options.deadline_ns, end = model_lifetime_end(entry);
	const uint64_t slept = world.engine ? model_slept_since(entry->pended_ns) : 0;
	uint64_t due = life == PEND_DEADLINE_NONE ? life : world.now_ns + slept + life;

	due = due < end ? due : end;
	if (due > entry->due_ns)
		entry->due_ns = model_due_at(due);
}

/* ---- decisions ---- */

/* A terminal action. 0 or -EALREADY. */
int model_decide(struct entry *entry, uint32_t action, uint32_t origin)
{
	if (entry->action)
		return -EALREADY;
	entry->action = action;
	entry->origin = origin;
	entry->again = false;
	if (entry->phase == PENDING)
		entry->phase = COMPLETING;
	return 0;
}

static int model_continue(struct entry *entry)
{
	if (entry->phase != PENDING || entry->again)
		return -EALREADY;
	if (entry->reruns >= world.options.rerun_limit)
		return -ELOOP;
	return 0;
}

static void begin_rerun(struct entry *entry)
{
	entry->reruns++;
	world.stats.continues++;
	if (entry->frame)
		entry->again = true;
	else
		entry->phase = RERUN;
}

/* A complete call by somebody who has the session at place @owner - 1, or by anybody (0). */
int model_complete(uint64_t handle, uint32_t action, uint32_t owner)
{
	struct entry *entry = model_find(handle);
	bool limited = false;
	int error = !entry ? -ENOENT : entry->action ? -EALREADY : 0;

	if (action < PEND_ACTION_PERMIT_SOFT || action > PEND_ACTION_CONTINUE)
		return -EINVAL;
	if (action == PEND_ACTION_CONTINUE && !world.options.on_rerun)
		return -EOPNOTSUPP;
	if (!error && action == PEND_ACTION_CONTINUE) {
		error = model_continue(entry);
		limited = error == -ELOOP && world.options.flags & PEND_MAP_LIMIT_BLOCKS;
		error = limited ? 0 : error;
	}
	if (!error && world.engine && entry->owner != owner)
		error = -EPERM;
	world.stats.late += error == -ENOENT;
	world.stats.duplicates += error == -EALREADY;
	world.stats.denied += error == -EPERM;
	if (error)
		return error;
	if (limited)
		return model_decide(entry, PEND_ACTION_BLOCK, PEND_ORIGIN_LIMIT);
	if (action != PEND_ACTION_CONTINUE)
		return model_decide(entry, action, PEND_ORIGIN_ORCHESTRATOR);
	begin_rerun(entry);
	return 0;
}

void model_decide_all(uint32_t origin)
{
	for (uint32_t i = 0; i < ENTRIES_MAX; i++)
		if (model_is_live(&world.entries[i]))
			(void)model_decide(&world.entries[i], PEND_ACTION_BLOCK, origin);
}

/* It was told, and its slot is free. */
void model_end(struct entry *entry)
{
	uint64_t *const counts[] = {
		&world.stats.by_orchestrator, &world.stats.by_program,  &world.stats.by_limit,
		&world.stats.by_destroy,      &world.stats.by_deadline, &world.stats.by_drain,
		&world.stats.by_owner,        &world.stats.by_cancel,
	};

	++*counts[entry->origin];
	world.stats.completions++;
	world.stats.live--;
	world.used_bytes -= entry->charge;
	if (entry->owner)
		world.desks[entry->owner - 1].live--;
	world.former[world.former_next++ % FORMER] = entry->handle;
	entry->phase = GONE;
}

/* ---- pending ---- */

static int check_request(const struct pend_request *request)
{
	if (world.options.key_size && !request->key)
		return -EFAULT;
	if (request->key_size != world.options.key_size ||
	    request->value_size != (request->value ? world.options.value_size : 0))
		return -EMSGSIZE;
	if (request->deadline_ns && request->deadline_ns != PEND_DEADLINE_NONE &&
	    (request->deadline_ns < PEND_DEADLINE_MIN_NS ||
	     request->deadline_ns > PEND_DEADLINE_MAX_NS))
		return -ERANGE;
	return request->flags & ~(uint32_t)PEND_REQUEST_FRAME ? -EINVAL : 0;
}

static bool fits(uint64_t limit, uint64_t charge)
{
	return !limit || world.used_bytes + charge <= limit;
}

static int refuse(uint64_t *counter, int error)
{
	++*counter;
	return error;
}

/*
 * What a pend that returned @result had to return. Of two refusals either will do where one is that
 * the map is full. @held: what its hold function says.
 */
int model_admit(const struct pend_request *request, int held, int result)
{
	const bool charged = world.options.quota_bytes || world.engine_quota;
	const uint64_t charge = charged ? world.slot_bytes + request->payload_bytes : 0;
	const bool full = model_count() == world.options.max_entries;
	const bool open = world.enabled && world.engine_enabled && !world.destroying;
	int error = check_request(request);
	uint64_t key = 0;

	if (error)
		return error;
	if (!open)
		return refuse(&world.stats.refused_stopped, -ESHUTDOWN);
	if (full && result == -ENOSPC)
		return refuse(&world.stats.refused_full, -ENOSPC);
	if (charge &&
	    (!fits(world.options.quota_bytes, charge) || !fits(world.engine_quota, charge)))
		return refuse(&world.stats.refused_quota, -EDQUOT);
	if (request->session)
		error = desk_refuses(request);
	if (error)
		return refuse(&world.stats.refused_session, error);
	if (full)
		return refuse(&world.stats.refused_full, -ENOSPC);
	if (request->key)
		memcpy(&key, request->key, sizeof(key));
	if (request->key && model_find_key(key, false))
		return refuse(&world.stats.refused_key, -EEXIST);
	if (held)
		return refuse(&world.stats.refused_hold, held);
	return 0;
}

/* ---- comparing ---- */

static bool is_decided(const struct entry *entry)
{
	const uint32_t slot = pendi_handle_slot(entry->handle);
	/* relaxed: one thread. */
	const uint64_t word = pendi_load_relaxed(&pendi_map_slot(world.map, slot)->word);

	return !pendi_word_is_live(word) || pendi_word_verdict(word);
}

/* Deadlines pass unseen while a frame is open, a program is to run again, or nobody polls the home
 * shard: the map is asked which have. */
void model_resolve(void)
{
	if (!world.engine)
		return;
	for (uint32_t i = 0; i < ENTRIES_MAX; i++) {
		struct entry *entry = &world.entries[i];

		if (!model_is_live(entry) || entry->action ||
		    model_due(entry, false) > world.now_ns || !is_decided(entry))
			continue;
		CHECK_INT(model_decide(entry,
				       world.options.flags & PEND_MAP_DEADLINE_PERMITS
					       ? PEND_ACTION_PERMIT_SOFT
					       : PEND_ACTION_BLOCK,
				       PEND_ORIGIN_DEADLINE),
			  ==, 0);
	}
}

void model_compare(void)
{
	struct pend_map_stats now = { .size = sizeof(now) };

	CHECK_INT(pend_map_stats_read(world.map, &now), ==, 0);
	/* How, not what: the library's own business. */
	world.stats.arms = now.arms;
	world.stats.overflows = now.overflows;
	world.stats.away = now.away;
	if (memcmp(&now, &world.stats, sizeof(now)) != 0) {
		const uint64_t *is = (const uint64_t *)(const void *)&now;
		const uint64_t *should = (const uint64_t *)(const void *)&world.stats;

		for (uint32_t i = 0; i < sizeof(now) / sizeof(*is); i++)
			if (is[i] != should[i])
				printf("# word %" PRIu32 " of the statistics: %" PRIu64
				       ", and should be %" PRIu64 "\n",
				       i, is[i], should[i]);
		CHECK_NEVER("statistics are not what was done");
	}
	CHECK_INT(pend_map_count(world.map), ==, (int64_t)world.stats.live);
	for (uint32_t i = 0; i < ENTRIES_MAX && !world.engine; i++)
		CHECK(world.entries[i].phase != COMPLETING || world.entries[i].frame);
}
