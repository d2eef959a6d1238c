/* SPDX-License-Identifier: MIT */
/*
 * main.c - runs scenarios, each search in a process of its own, and says how far it came, in TAP.
 *
 * A search passes if it exhausted the scenario's bound and found no violation. A violation is run
 * once more, with a line for each access that matters.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/checker/apart.h"
#include "tests/model/checker/sites.h"
#include "tests/model/scenarios/scenarios.h"

static const char usage[] =
	"usage: pend_model [OPTION]...\n"
	"  --list               names the scenarios, with what they show\n"
	"  --only PART          those with PART in their name\n"
	"  --group NAME         those of one file\n"
	"  --sc --tso --weak    in these modes only\n"
	"  --tier commit|nightly  so many schedules of each: 25 thousand, 4 million\n"
	"  --budget N           ... or N: higher bounds, then by chance\n"
	"  --bound N            of all, in place of their own\n"
	"  --limit N            schedules up to the bound, at most\n"
	"  --seed N             of chance\n"
	"  --depth N            of PCT: ordering constraints of the bugs to be found (5)\n"
	"  --jobs N             processes at once\n"
	"  --sites              names the ordered accesses of the library\n"
	"  --weaken END         makes one of them weaker: its name there, FILE:LINE, EDGE.rel ...\n"
	"  --reach              prints which of them each search executed\n"
	"  --replay SCHEDULE    runs that one, and says what happens; with --only, and a mode\n";

enum { JOBS_MAX = 64, SEARCHES_MAX = 1024, DEPTH_MAX = 16 };

struct request {
	struct model_plan plan;
	const char *only, *group;
	bool modes[MODEL_MODES];
	bool any_mode; /* as each scenario says */
	bool exact;    /* `only` is a name */
	bool list, sites;
	uint32_t jobs;
};

struct totals {
	uint32_t searches, failed, exhausted, complete;
	uint64_t schedules, drawn;
};

static const struct tier {
	const char *name;
	uint64_t budget;
} tiers[] = { { "commit", 25000 }, { "nightly", 4000000 } };

static bool set_tier(struct request *request, const char *name)
{
	for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
		if (strcmp(tiers[i].name, name) == 0) {
			request->plan.budget = tiers[i].budget;
			return true;
		}
	return false;
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *value >= least && *value <= most;
}

static bool set_mode(struct request *request, enum model_mode mode)
{
	request->any_mode = false;
	request->modes[mode] = true;
	return true;
}

static bool set_option(struct request *request, int option, const char *value)
{
	struct model_plan *plan = &request->plan;
	uint64_t number = 0;
	bool right = true;

	switch (option) {
	case 'o':
		request->only = value;
		break;
	case 'g':
		request->group = value;
		break;
	case '0' + MODEL_SC:
	case '0' + MODEL_TSO:
	case '0' + MODEL_WEAK:
		right = set_mode(request, (enum model_mode)(option - '0'));
		break;
	case 't':
		right = set_tier(request, value);
		break;
	case 'B':
		right = read_number(value, 0, UINT64_MAX, &plan->budget);
		break;
	case 'b':
		right = read_number(value, 0, 64, &number), plan->bound = (int)number;
		break;
	case 'l':
		right = read_number(value, 1, UINT64_MAX, &plan->limit);
		break;
	case 's':
		right = read_number(value, 0, UINT64_MAX, &plan->seed);
		break;
	case 'd':
		right = read_number(value, 1, DEPTH_MAX, &number);
		plan->change_points = (uint32_t)number - 1;
		break;
	case 'j':
		right = read_number(value, 1, JOBS_MAX, &number);
		request->jobs = (uint32_t)number;
		break;
	case 'p':
		plan->replay = value;
		break;
	case 'L':
		request->list = true;
		break;
	case 'h':
		fputs(usage, stdout);
		exit(0);
	case 'S':
		request->sites = true;
		break;
	case 'w':
		right = sites_weaken(value);
		break;
	case 'r':
		plan->reach = true;
		break;
	default:
		right = false;
		break;
	}
	return right;
}

static bool read_options(struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "group", required_argument, NULL, 'g' },
		{ "sc", no_argument, NULL, '0' + MODEL_SC },
		{ "tso", no_argument, NULL, '0' + MODEL_TSO },
		{ "weak", no_argument, NULL, '0' + MODEL_WEAK },
		{ "tier", required_argument, NULL, 't' },
		{ "budget", required_argument, NULL, 'B' },
		{ "bound", required_argument, NULL, 'b' },
		{ "limit", required_argument, NULL, 'l' },
		{ "seed", required_argument, NULL, 's' },
		{ "depth", required_argument, NULL, 'd' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "replay", required_argument, NULL, 'p' },
		{ "list", no_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },
		{ "sites", no_argument, NULL, 'S' },
		{ "weaken", required_argument, NULL, 'w' },
		{ "reach", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!set_option(request, option, optarg))
			return false;
	return optind == argc;
}

static bool wanted(const struct request *request, const struct model_group *group,
		   const struct model_scenario *scenario, enum model_mode mode)
{
	if (request->group && strcmp(request->group, group->name) != 0)
		return false;
	if (request->only && (request->exact ? strcmp(scenario->name, request->only) != 0
					     : !strstr(scenario->name, request->only)))
		return false;
	if (!request->any_mode && !request->modes[mode])
		return false;
	return (mode != MODEL_WEAK || !request->any_mode) && search_bound(scenario, mode) >= 0;
}

/* What was found, and on one line each how to see it again and what happens then. */
static void explain(const struct request *request, const struct apart *apart)
{
	static const char *const options[] = { "--sc", "--tso", "--weak" };
	struct model_plan plan = request->plan;
	struct apart again;

	apart_print((struct apart *)(uintptr_t)apart, "# ");
	printf("# again: pend_model --only \"%s\" %s --replay %s\n", apart->scenario->name,
	       options[apart->mode], apart->result->schedule);
	plan.replay = apart->result->schedule;
	if (!plan.replay[0])
		return;
	if (apart_run(&again, apart->scenario, apart->mode, &plan))
		apart_print(&again, "#   ");
	apart_end(&again);
}

static void print_result(const struct request *request, const struct apart *apart,
			 struct totals *totals)
{
	const struct model_result *result = apart->result;
	const bool passed = result->done && result->exhausted;

	totals->searches++;
	totals->failed += !passed;
	totals->exhausted += result->exhausted;
	totals->complete += result->complete;
	totals->schedules += result->schedules;
	totals->drawn += result->drawn;
	printf("%s %u - %s, %s: %s at bound %u: %" PRIu64 " schedules", passed ? "ok" : "not ok",
	       totals->searches, apart->scenario->name, search_mode_names[apart->mode],
	       result->what[0]     ? "VIOLATION"
	       : !result->done     ? "killed"
	       : result->complete  ? "COMPLETE"
	       : result->exhausted ? "EXHAUSTED"
				   : "stopped",
	       result->bound, result->schedules);
	if (result->drawn)
		printf(" + %" PRIu64 " by chance", result->drawn);
	printf(", %u points, %" PRIu64 " decisions, %.2f s\n", result->points, result->longest,
	       result->seconds);
	if (!result->done)
		explain(request, apart);
	else if (request->plan.reach)
		apart_print((struct apart *)(uintptr_t)apart, "# ");
	fflush(stdout);
}

/* Searches begin in order, up to `jobs` at once, and are printed in order. */
static void run(const struct request *request, struct apart *searches, uint32_t count,
		struct totals *totals)
{
	uint32_t begun = 0, running = 0, printed = 0;

	while (printed < count) {
		for (; begun < count && running < request->jobs; begun++) {
			struct apart *next = &searches[begun];

			if (!apart_start(next, next->scenario, next->mode, &request->plan)) {
				perror("pend_model");
				exit(2);
			}
			running++;
		}
		apart_wait(searches, begun);
		running = 0;
		for (uint32_t i = printed; i < begun; i++)
			running += !searches[i].ended;
		for (; printed < begun && searches[printed].ended; printed++) {
			print_result(request, &searches[printed], totals);
			apart_end(&searches[printed]);
		}
	}
}

/* Whether --only is the whole name of one: then it stands for that one. */
static bool is_exact(const char *only)
{
	for (uint32_t g = 0; only && model_groups[g]; g++)
		for (uint32_t i = 0; i < model_groups[g]->count; i++)
			if (strcmp(model_groups[g]->scenarios[i].name, only) == 0)
				return true;
	return false;
}

/* The searches that are wanted. */
static uint32_t choose(const struct request *request, struct apart *searches)
{
	uint32_t count = 0;

	for (uint32_t g = 0; model_groups[g]; g++)
		for (uint32_t i = 0; i < model_groups[g]->count; i++)
			for (uint32_t mode = 0; mode < MODEL_MODES && count < SEARCHES_MAX;
			     mode++) {
				const struct model_scenario *scenario =
					&model_groups[g]->scenarios[i];

				if (wanted(request, model_groups[g], scenario, mode))
					searches[count++] = (struct apart){ .scenario = scenario,
									    .mode = mode };
			}
	return count;
}

static void list(const struct apart *searches, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || searches[i].scenario != searches[i - 1].scenario)
			printf("%-56s %s\n", searches[i].scenario->name,
			       searches[i].scenario->shows);
}

int main(int argc, char **argv)
{
	struct request request = {
		.plan = { .bound = -1, .limit = 100000000, .seed = 1, .change_points = 4 },
		.any_mode = true,
		.jobs = 1,
	};
	struct apart *searches = calloc(SEARCHES_MAX, sizeof(*searches));
	struct totals totals = { 0 };
	uint32_t count;

	sites_setup();
	if (!read_options(&request, argc, argv) || !searches) {
		fputs(usage, stderr);
		return 2;
	}
	if (request.sites) {
		sites_print();
		return 0;
	}
	request.exact = is_exact(request.only);
	count = choose(&request, searches);
	if (!count) {
		fputs("pend_model: no such scenario\n", stderr);
		return 2;
	}
	if (request.list) {
		list(searches, count);
	} else if (request.plan.replay) {
		if (apart_run(&searches[0], searches[0].scenario, searches[0].mode, &request.plan))
			apart_print(&searches[0], "");
		totals.failed = !searches[0].result->done;
		apart_end(&searches[0]);
	} else {
		printf("1..%u\n", count);
		run(&request, searches, count, &totals);
		printf("# %" PRIu64 " schedules up to the bounds, %" PRIu64
		       " by chance; %u searches: "
		       "%u exhausted (%u complete), %u failed\n",
		       totals.schedules, totals.drawn, totals.searches, totals.exhausted,
		       totals.complete, totals.failed);
	}
	free(searches);
	return totals.failed != 0;
}
