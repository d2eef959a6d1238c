/* SPDX-License-Identifier: MIT */
/*
 * test_open.c - opening sessions: options, numbers, what fails. One thread (and the monitor).
 */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/script.h"
#include "tests/session/fixture.h"

static int open_with(struct fixture *fixture, const struct pend_session_options *options)
{
	struct pend_session *const untouched = (void *)fixture;
	struct pend_session *session = untouched;
	const int error = pend_session_open(fixture->engine, options, &session);

	if (error)
		cr_expect_eq(session, untouched);
	else
		cr_expect_eq(pend_session_close(session), 0);
	return error;
}

Test(open, wrong_pointers_and_options)
{
	struct pend_session_options options = pend_session_options_default();
	struct pend_session *session;
	struct fixture fixture;

	fixture_begin(&fixture);
	/* retval: pend_session_open -EFAULT */
	cr_expect_eq(pend_session_open(NULL, NULL, &session), -EFAULT);
	cr_expect_eq(pend_session_open(fixture.engine, NULL, NULL), -EFAULT);
	cr_expect_eq(open_with(&fixture, NULL), 0, "all defaults");
	options.size--;
	/* retval: pend_session_open -EINVAL */
	cr_expect_eq(open_with(&fixture, &options), -EINVAL);
	options = pend_session_options_default();
	options.flags = 1;
	cr_expect_eq(open_with(&fixture, &options), -EINVAL);
	options = pend_session_options_default();
	options.on_loss = (enum pend_on_loss)4;
	cr_expect_eq(open_with(&fixture, &options), -EINVAL);
	options.on_loss = PEND_LOSS_HAND_OVER;
	cr_expect_eq(open_with(&fixture, &options), -EINVAL, "no name");
	options.name = "";
	cr_expect_eq(open_with(&fixture, &options), -EINVAL, "an empty name");
	options = pend_session_options_default();
	options.notices = 48;
	cr_expect_eq(open_with(&fixture, &options), -EINVAL);
	fixture_end(&fixture);
}

Test(open, sizes_of_other_versions)
{
	struct {
		struct pend_session_options options;
		uint64_t more;
	} newer = { pend_session_options_default(), 0 };
	struct fixture fixture;

	fixture_begin(&fixture);
	newer.options.size = sizeof(newer);
	cr_expect_eq(open_with(&fixture, &newer.options), 0);
	newer.more = 1;
	/* retval: pend_session_open -E2BIG */
	cr_expect_eq(open_with(&fixture, &newer.options), -E2BIG);
	fixture_end(&fixture);
}

Test(open, ranges)
{
	static const uint32_t wrong[] = { 0, 1, 8, 15, (1u << 20) + 1, 1u << 21, UINT32_MAX };
	struct pend_session_options options = pend_session_options_default();
	struct fixture fixture;

	fixture_begin(&fixture);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		options.notices = wrong[i];
		/* retval: pend_session_open -ERANGE */
		cr_expect_eq(open_with(&fixture, &options), -ERANGE, "%u", wrong[i]);
	}
	options.notices = 1u << 20;
	options.key_size = 256;
	cr_expect_eq(open_with(&fixture, &options), 0);
	options.notices = 16;
	options.key_size = 257;
	cr_expect_eq(open_with(&fixture, &options), -ERANGE);
	options.key_size = 0;
	options.self_pid = -1;
	cr_expect_eq(open_with(&fixture, &options), -ERANGE);
	fixture_end(&fixture);
}

Test(open, names)
{
	char name[PEND_SESSION_NAME_MAX + 2];
	struct pend_session_options options = pend_session_options_default();
	struct fixture fixture;

	fixture_begin(&fixture);
	memset(name, 'n', sizeof(name));
	name[PEND_SESSION_NAME_MAX + 1] = 0;
	options.name = name;
	/* retval: pend_session_open -ENAMETOOLONG */
	cr_expect_eq(open_with(&fixture, &options), -ENAMETOOLONG);
	name[PEND_SESSION_NAME_MAX] = 0;
	cr_expect_eq(open_with(&fixture, &options), 0);
	fixture_end(&fixture);
}

Test(open, what_cannot_be_watched)
{
	struct pend_session_options options = pend_session_options_default();
	struct fixture fixture;
	char path[] = "/tmp/pendmap-test-XXXXXX";

	fixture_begin(&fixture);
	options.watch_fd = 123456;
	/* retval: pend_session_open -EBADF */
	cr_expect_eq(open_with(&fixture, &options), -EBADF);
	options.watch_fd = -2;
	cr_expect_eq(open_with(&fixture, &options), -EBADF);
	options.watch_fd = mkstemp(path);
	cr_assert_geq(options.watch_fd, 0);
	unlink(path);
	/* retval: pend_session_open -EPERM */
	cr_expect_eq(open_with(&fixture, &options), -EPERM);
	close(options.watch_fd);
	options.watch_fd = -1;
	cr_expect_eq(open_with(&fixture, &options), 0, "nothing is left behind");
	fixture_end(&fixture);
}

/* Numbers are the lowest that are free, and used again only when all of a session is gone. */
Test(open, numbers)
{
	struct fixture fixture;
	struct pend_session *a, *b, *c;

	fixture_begin(&fixture);
	a = fixture_open(&fixture, NULL);
	b = fixture_open(&fixture, NULL);
	cr_expect_eq(pendi_session_number(a), 1);
	cr_expect_eq(pendi_session_number(b), 2);
	cr_expect_eq(fixture_stats(b).number, 2);
	cr_expect_eq(pendi_session_engine(a), fixture.engine);
	cr_expect_eq(fixture_pend(&fixture, a, 7), 0);
	cr_expect_eq(pend_session_close(a), 0);
	c = fixture_open(&fixture, NULL);
	cr_expect_eq(pendi_session_number(c), 3, "an operation of session 1 is live");
	cr_expect_eq(pend_session_close(c), 0);
	pendi_session_release(fixture.engine, 1);
	c = fixture_open(&fixture, NULL);
	cr_expect_eq(pendi_session_number(c), 1);
	cr_expect_neq(c, a);
	cr_expect_eq(pendi_session_check(a), -ESHUTDOWN);
	cr_expect_eq(pendi_session_check(c), 0);
	cr_expect_eq(pend_session_close(b), 0);
	cr_expect_eq(pend_session_close(c), 0);
	fixture_end(&fixture);
}

/* A pointer to an ended session is known as such while 63 others use its number. */
Test(open, an_ended_session_is_recognised)
{
	struct fixture fixture;
	struct pend_session *first, *next;
	struct pendi_ticket ticket;

	fixture_begin(&fixture);
	first = fixture_open(&fixture, NULL);
	cr_expect_eq(pend_session_close(first), 0);
	for (int i = 0; i < 63; i++) {
		next = fixture_open(&fixture, NULL);
		cr_assert_eq(pendi_session_number(next), 1);
		cr_assert_eq(pendi_session_reserve(first, fixture.engine, 0, &ticket), -ESHUTDOWN);
		cr_assert_eq(pend_session_close(first), -ESHUTDOWN);
		cr_assert_eq(pendi_session_check(next), 0);
		cr_assert_eq(pend_session_close(next), 0);
	}
	fixture_end(&fixture);
}

static void open_inside(struct fixture *fixture)
{
	struct pend_session *session;

	fixture->result = pend_session_open(fixture->engine, NULL, &session);
}

Test(open, not_from_a_completion_function)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	fixture.inside = open_inside;
	cr_assert(pendi_engine_hint(&fixture.client, 0, 3));
	cr_assert_eq(pend_engine_poll(fixture.engine, 0, 16), 1);
	/* retval: pend_session_open -EDEADLK */
	cr_expect_eq(fixture.result, -EDEADLK);
	fixture_end(&fixture);
}

Test(open, an_engine_is_not_destroyed_under_its_sessions)
{
	struct fixture fixture;
	struct pend_engine *engine;
	struct pend_session *session;

	fixture_begin(&fixture);
	engine = fixture.engine;
	session = fixture_open(&fixture, NULL);
	pendi_engine_leave(engine, &fixture.client);
	cr_expect_eq(pend_engine_destroy(engine), -EBUSY);
	cr_expect_eq(pend_session_close(session), 0);
	cr_expect_eq(pend_engine_destroy(engine), 0);
	/* retval: pend_session_open -ESHUTDOWN */
	cr_expect_eq(pend_session_open(engine, NULL, &session), -ESHUTDOWN);
}

static int64_t allocations_left;

static int fail_later(size_t size)
{
	(void)size;
	return allocations_left-- <= 0;
}

/* Each allocation of the first open, which makes the table and the seat, fails once. */
Test(open, no_memory)
{
	struct fixture fixture;
	int64_t failed = 0;

	fixture_begin(&fixture);
	for (int error = -ENOMEM; error; failed++) {
		allocations_left = failed;
		pendi_script.allocation_fails = fail_later;
		error = open_with(&fixture, NULL);
		pendi_script.allocation_fails = NULL;
		/* retval: pend_session_open -ENOMEM */
		cr_assert(error == 0 || error == -ENOMEM, "%d", error);
	}
	cr_expect_geq(failed, 2);
	fixture_end(&fixture);
}

static void limit_descriptors(rlim_t most)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = most;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(open, no_descriptors)
{
	struct pend_session_options options = pend_session_options_default();
	struct fixture fixture;
	int pipe_ends[2], free[2];

	fixture_begin(&fixture);
	cr_assert_eq(pipe(pipe_ends), 0);
	fixture_free_descriptors(free);
	limit_descriptors((rlim_t)free[0]);
	/* retval: pend_session_open -EMFILE */
	cr_expect_eq(open_with(&fixture, &options), -EMFILE);
	limit_descriptors((rlim_t)free[0] + 1);
	cr_expect_eq(open_with(&fixture, &options), 0);
	options.watch_fd = pipe_ends[0];
	limit_descriptors((rlim_t)free[1]);
	cr_expect_eq(open_with(&fixture, &options), -EMFILE, "the second one it needs");
	limit_descriptors((rlim_t)free[1] + 1);
	cr_expect_eq(open_with(&fixture, &options), 0);
	fixture_end(&fixture);
}

/* In the child of a fork no session is open. */
static bool child_has_none_of(struct pend_session *const sessions[], uint32_t count)
{
	const pid_t child = fork();
	int status = 0;

	if (child == 0) {
		for (uint32_t i = 0; i < count; i++)
			if (pendi_session_check(sessions[i]) != -ESHUTDOWN)
				_exit(1);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

Test(open, no_numbers)
{
	static struct pend_session *sessions[PEND_SESSIONS_MAX];
	struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct rlimit limit;
	struct fixture fixture;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < PEND_SESSIONS_MAX + 100)
		cr_skip_test("too few descriptors");
	limit.rlim_cur = limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fixture_begin(&fixture);
	for (uint32_t i = 0; i < PEND_SESSIONS_MAX; i++)
		cr_assert_eq(pend_session_open(fixture.engine, &options, &sessions[i]), 0);
	/* retval: pend_session_open -ENOSPC */
	cr_expect_eq(open_with(&fixture, &options), -ENOSPC);
	options.name = "nobody's heir";
	cr_expect_eq(open_with(&fixture, &options), -ENOSPC);
	cr_expect(child_has_none_of(sessions, PEND_SESSIONS_MAX));
	cr_expect_eq(pendi_session_number(sessions[PEND_SESSIONS_MAX - 1]), PEND_SESSIONS_MAX);
	for (uint32_t i = 0; i < PEND_SESSIONS_MAX; i++)
		cr_assert_eq(pend_session_close(sessions[i]), 0);
	cr_expect_eq(open_with(&fixture, &options), 0);
	fixture_end(&fixture);
}
