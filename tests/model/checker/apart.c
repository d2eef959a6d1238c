/* SPDX-License-Identifier: MIT */
/*
 * apart.c - searches in processes of their own, several at once: what they print is kept in files,
 * what they found in memory that is shared.
 */
#include "tests/model/checker/apart.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool apart_start(struct apart *apart, const struct model_scenario *scenario, enum model_mode mode,
		 const struct model_plan *plan)
{
	*apart = (struct apart){ .scenario = scenario, .mode = mode, .output = tmpfile() };
	apart->result = mmap(NULL, sizeof(*apart->result), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!apart->output || apart->result == MAP_FAILED)
		return false;
	fflush(stdout);
	apart->child = fork();
	if (apart->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left of a run that is stopped */
		if (dup2(fileno(apart->output), STDOUT_FILENO) < 0)
			_exit(2);
		search_run(scenario, mode, plan, apart->result);
		fflush(stdout);
		_exit(0);
	}
	return apart->child > 0;
}

void apart_wait(struct apart *searches, uint32_t count)
{
	int status;
	const pid_t child = wait(&status);

	/* No child at all cannot be; if it were, nothing would be waited for. */
	for (uint32_t i = 0; i < count; i++)
		if (child < 0 || searches[i].child == child)
			searches[i].ended = true;
}

void apart_print(struct apart *apart, const char *prefix)
{
	char line[4096];

	rewind(apart->output);
	while (fgets(line, sizeof(line), apart->output))
		printf("%s%s", prefix, line);
}

void apart_end(struct apart *apart)
{
	if (apart->output)
		fclose(apart->output);
	if (apart->result != MAP_FAILED)
		munmap(apart->result, sizeof(*apart->result));
}

bool apart_run(struct apart *apart, const struct model_scenario *scenario, enum model_mode mode,
	       const struct model_plan *plan)
{
	if (!apart_start(apart, scenario, mode, plan))
		return false;
	return waitpid(apart->child, NULL, 0) == apart->child;
}
