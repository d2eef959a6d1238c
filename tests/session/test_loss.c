/* SPDX-License-Identifier: MIT */
/*
 * test_loss.c - closing, and what becomes of the operations; the heir. One thread.
 */
#include <criterion/criterion.h>

#include "tests/session/fixture.h"

/* The maps are told once, of the right session and the right action; and so is a pender who
 * commits after that (guarantee A: he or they complete it, the slot word knows who). */
Test(loss, each_policy)
{
	static const struct {
		enum pend_on_loss on_loss;
		uint32_t calls, action, straggler;
	} cases[] = {
		{ PEND_LOSS_BLOCK, 1, PEND_ACTION_BLOCK, PEND_ACTION_BLOCK },
		{ PEND_LOSS_PERMIT, 1, PEND_ACTION_PERMIT_SOFT, PEND_ACTION_PERMIT_SOFT },
		{ PEND_LOSS_KEEP, 1, PEND_ACTION_PENDING, PENDI_SESSION_BLOCK_ENDLESS },
		{ PEND_LOSS_HAND_OVER, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct pend_session_options options = fixture_options(cases[i].on_loss);
		const struct pend_notice notice = fixture_notice(i);
		struct pend_session *session, *padding;
		struct pendi_ticket ticket, another;
		struct fixture fixture;

		fixture_begin(&fixture);
		padding = fixture_open(&fixture, NULL);
		session = fixture_open(&fixture, &options);
		cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &ticket), 0);
		cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &another), 0);
		cr_expect_eq(fixture_pend(&fixture, session, 5), 0);
		cr_expect_eq(pend_session_close(session), 0);
		cr_expect_eq(oracle_told_calls(&fixture.told), cases[i].calls);
		if (cases[i].calls) {
			cr_expect_eq(oracle_told_owner(&fixture.told), 2);
			cr_expect_eq(oracle_told_action(&fixture.told), cases[i].action);
		}
		cr_expect_eq(pendi_session_commit(&ticket, &notice, &notice.handle),
			     cases[i].straggler);
		pendi_session_discard(&another);
		/* retval: pend_session_close -ESHUTDOWN */
		cr_expect_eq(pend_session_close(session), -ESHUTDOWN);
		cr_expect_eq(oracle_told_calls(&fixture.told), cases[i].calls);
		cr_expect_eq(pend_session_close(padding), 0);
		fixture_end(&fixture);
	}
}

/* Operations, number, unread notices and descriptor go to the next session of that name. */
Test(loss, an_heir_takes_over)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);
	const struct pend_notice notice = fixture_notice(3);
	struct fixture fixture;
	struct pend_session *first, *heir, *other;
	struct pendi_ticket ticket;
	struct pend_notice got[16];
	int fd;

	fixture_begin(&fixture);
	first = fixture_open(&fixture, &options);
	fd = pend_session_fd(first);
	for (uint64_t i = 0; i < 3; i++)
		cr_assert_eq(fixture_pend(&fixture, first, i), 0);
	cr_assert_eq(pend_session_read(first, got, NULL, 1), 1);
	cr_assert_eq(pendi_session_reserve(first, fixture.engine, 0, &ticket), 0);
	cr_expect_eq(pend_session_close(first), 0);

	other = fixture_open(&fixture, NULL);
	cr_expect_eq(pendi_session_number(other), 2, "it waits for its heir");
	cr_expect_eq(pendi_session_reserve(first, fixture.engine, 0, &ticket), -ESHUTDOWN);
	options.notices = 32;
	cr_expect_eq(pend_session_open(fixture.engine, &options, &heir), -EINVAL);
	options.notices = 16;
	options.key_size = 9;
	cr_expect_eq(pend_session_open(fixture.engine, &options, &heir), -EINVAL);
	options.key_size = 8;
	options.watch_fd = 123456;
	cr_expect_eq(pend_session_open(fixture.engine, &options, &heir), -EBADF);
	options.watch_fd = -1;
	options.on_loss = PEND_LOSS_PERMIT;
	options.max_live = 4;
	heir = fixture_open(&fixture, &options);
	cr_expect_eq(pendi_session_number(heir), 1);
	cr_expect_neq(heir, first);
	cr_expect_eq(pend_session_fd(heir), fd);
	cr_expect(fixture_readable(fd, 0));
	cr_expect_eq(fixture_stats(heir).live, 4);
	cr_expect_eq(pendi_session_check(first), -ESHUTDOWN);
	cr_expect_eq(pend_session_close(first), -ESHUTDOWN);
	cr_expect_eq(pendi_session_commit(&ticket, &notice, &notice.handle), 0, "the heir has it");
	cr_expect_eq(pend_session_read(heir, got, NULL, 16), 3);
	for (uint64_t i = 0; i < 3; i++)
		cr_expect_eq(got[i].handle, i + 1);
	cr_expect_eq(pendi_session_reserve(heir, fixture.engine, 0, &ticket), -EDQUOT);
	cr_expect_eq(pend_session_close(heir), 0);
	cr_expect_eq(oracle_told_action(&fixture.told), PEND_ACTION_PERMIT_SOFT);
	cr_expect_eq(oracle_told_owner(&fixture.told), 1);
	cr_expect_eq(pend_session_close(other), 0);
	fixture_end(&fixture);
}

/* Another name, or none, inherits nothing; and nothing is inherited twice. */
Test(loss, only_one_of_the_name_inherits)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_HAND_OVER);
	struct fixture fixture;
	struct pend_session *first, *next[3];

	fixture_begin(&fixture);
	first = fixture_open(&fixture, &options);
	cr_assert_eq(fixture_pend(&fixture, first, 1), 0);
	cr_expect_eq(pend_session_close(first), 0);
	options.name = "hei";
	next[0] = fixture_open(&fixture, &options);
	options.name = "heir";
	next[1] = fixture_open(&fixture, &options);
	next[2] = fixture_open(&fixture, &options);
	cr_expect_eq(pendi_session_number(next[0]), 2);
	cr_expect_eq(pendi_session_number(next[1]), 1);
	cr_expect_eq(pendi_session_number(next[2]), 3);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(pend_session_close(next[i]), 0);
	fixture_end(&fixture);
}

/* What completes between publication and commit does not take the ring from under the commit. */
Test(loss, completed_before_the_commit_and_closed)
{
	const struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	const struct pend_notice notice = fixture_notice(3);
	struct fixture fixture;
	struct pend_session *session, *next;
	struct pendi_ticket ticket;

	fixture_begin(&fixture);
	session = fixture_open(&fixture, &options);
	cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &ticket), 0);
	pendi_session_release(fixture.engine, 1);
	cr_expect_eq(pend_session_close(session), 0);
	next = fixture_open(&fixture, &options);
	cr_expect_eq(pendi_session_number(next), 2, "the pender is still inside");
	cr_expect_eq(pendi_session_commit(&ticket, &notice, &notice.handle), PEND_ACTION_BLOCK);
	cr_expect_eq(pend_session_close(next), 0);
	next = fixture_open(&fixture, &options);
	cr_expect_eq(pendi_session_number(next), 1);
	cr_expect_eq(pend_session_close(next), 0);
	fixture_end(&fixture);
}

static void close_inside(struct fixture *fixture)
{
	fixture->result = pend_session_close(fixture->session);
}

static void lease_inside(struct fixture *fixture)
{
	fixture->result = pend_session_lease(fixture->session);
}

Test(loss, not_from_a_completion_function)
{
	struct fixture fixture;

	fixture_begin(&fixture);
	fixture.session = fixture_open(&fixture, NULL);
	fixture.inside = close_inside;
	cr_assert(pendi_engine_hint(&fixture.client, 0, 3));
	cr_assert_eq(pend_engine_poll(fixture.engine, 0, 16), 1);
	/* retval: pend_session_close -EDEADLK */
	cr_expect_eq(fixture.result, -EDEADLK);
	fixture.inside = lease_inside;
	cr_assert(pendi_engine_hint(&fixture.client, 0, 3));
	cr_assert_eq(pend_engine_poll(fixture.engine, 0, 16), 1);
	/* retval: pend_session_lease -EDEADLK */
	cr_expect_eq(fixture.result, -EDEADLK);
	cr_expect_eq(pend_session_close(fixture.session), 0, "nothing was done");
	/* retval: pend_session_close -EFAULT */
	cr_expect_eq(pend_session_close(NULL), -EFAULT);
	fixture_end(&fixture);
}
