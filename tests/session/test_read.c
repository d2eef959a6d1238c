/* SPDX-License-Identifier: MIT */
/*
 * test_read.c - notices, from reserve to read (guarantees D and I: a notice that cannot be
 * delivered refuses the pend), and the descriptor. One thread.
 */
#include <criterion/criterion.h>

#include "tests/session/fixture.h"

Test(read, a_notice_arrives_whole)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct pend_notice sent = fixture_notice(0x1122334455667788), got[2];
	struct fixture fixture;
	struct pend_session *session;
	struct pendi_ticket ticket;
	unsigned char keys[2 * 24];

	fixture_begin(&fixture);
	options.key_size = 24;
	session = fixture_open(&fixture, &options);
	sent.map = (void *)&fixture;
	sent.key_size = 5;
	cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &ticket), 0);
	cr_expect_eq(pendi_session_commit(&ticket, &sent, "abcdefgh"), 0);
	memset(keys, 0xee, sizeof(keys));
	cr_assert_eq(pend_session_read(session, got, keys, 2), 1);
	cr_expect_eq(memcmp(&got[0], &sent, sizeof(sent)), 0);
	cr_expect_eq(memcmp(keys, "abcde\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24), 0);
	cr_expect_eq(keys[24], 0xee);
	/* A long key is cut; the record was used before and keeps nothing of it. */
	sent.key_size = 30;
	cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &ticket), 0);
	cr_expect_eq(pendi_session_commit(&ticket, &sent, "0123456789abcdefghijklmnopqrst"), 0);
	cr_assert_eq(pend_session_read(session, got, keys, 2), 1);
	cr_expect_eq(memcmp(keys, "0123456789abcdefghijklmn", 24), 0);
	cr_expect_eq(got[0].key_size, 30);
	cr_expect_eq(keys[24], 0xee);
	/* A shorter one is padded, whatever the record held before. */
	sent.key_size = 3;
	cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &ticket), 0);
	cr_expect_eq(pendi_session_commit(&ticket, &sent, "xyz"), 0);
	cr_assert_eq(pend_session_read(session, got, keys, 2), 1);
	cr_expect_eq(memcmp(keys, "xyz\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24), 0);
	cr_expect_eq(pend_session_close(session), 0);
	fixture_end(&fixture);
}

Test(read, in_order_in_any_portions)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct pend_notice got[40];
	struct fixture fixture;
	struct pend_session *session;
	uint64_t sent = 0, next = 0, keys[40];

	fixture_begin(&fixture);
	options.notices = 64;
	session = fixture_open(&fixture, &options);
	for (uint32_t portion = 0; portion < 40; portion++) {
		const uint32_t more = (portion * 7 + 3) % 41;
		int read;

		for (uint32_t i = 0; i < more && sent - next < 64; i++)
			cr_assert_eq(fixture_pend(&fixture, session, sent++), 0);
		read = pend_session_read(session, got, keys, portion);
		cr_assert_eq((uint64_t)read, sent - next < portion ? sent - next : portion);
		for (int i = 0; i < read; i++, next++) {
			cr_assert_eq(got[i].handle, next);
			cr_assert_eq(got[i].cookie, ~next);
			cr_assert_eq(keys[i], next);
		}
		cr_assert_eq(fixture_stats(session).waiting, sent - next);
		cr_assert_eq(fixture_stats(session).notices, sent);
	}
	cr_expect_eq(pend_session_read(session, got, NULL, 0), 0);
	cr_expect_eq(fixture_stats(session).live, sent);
	while (sent--)
		pendi_session_release(fixture.engine, 1);
	cr_expect_eq(fixture_stats(session).live, 0);
	cr_expect_eq(pend_session_close(session), 0);
	fixture_end(&fixture);
}

/* Refused exactly when all records are reserved or unread; nothing is overwritten (K16). */
Test(read, the_ring_is_bounded_exactly)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct pend_notice got[16];
	struct fixture fixture;
	struct pend_session *session;
	struct pendi_ticket tickets[17];

	fixture_begin(&fixture);
	session = fixture_open(&fixture, &options);
	for (uint32_t reserved = 0; reserved <= 16; reserved++) {
		for (uint32_t i = 0; i < reserved; i++)
			cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &tickets[i]),
				     0);
		for (uint32_t i = reserved; i < 16; i++)
			cr_assert_eq(fixture_pend(&fixture, session, i), 0);
		cr_assert_eq(pendi_session_reserve(session, fixture.engine, 0, &tickets[16]),
			     -ENOBUFS);
		cr_assert_eq(fixture_stats(session).refused_full, reserved + 1);
		cr_assert_eq(fixture_stats(session).live, 16, "a refusal leaves nothing");
		for (uint32_t i = 0; i < reserved; i++)
			pendi_session_discard(&tickets[i]);
		cr_assert_eq(pend_session_read(session, got, NULL, 16), 16 - (int)reserved);
		for (uint32_t i = reserved; i < 16; i++) {
			cr_assert_eq(got[i - reserved].handle, i);
			pendi_session_release(fixture.engine, 1);
		}
		cr_assert_eq(fixture_stats(session).live, 0);
	}
	cr_expect_eq(pend_session_close(session), 0);
	fixture_end(&fixture);
}

Test(read, who_may_pend)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct fixture fixture, other;
	struct pend_session *session;
	struct pendi_ticket ticket, second;

	fixture_begin(&fixture);
	fixture_begin(&other);
	options.max_live = 2;
	options.self_pid = 77;
	session = fixture_open(&fixture, &options);
	cr_expect_eq(pendi_session_reserve(NULL, fixture.engine, 0, &ticket), -EFAULT);
	cr_expect_eq(pendi_session_reserve(session, other.engine, 0, &ticket), -ESHUTDOWN);
	cr_expect_eq(pendi_session_reserve(session, fixture.engine, 77, &ticket), -EDEADLK);
	cr_expect_eq(pendi_session_reserve(session, fixture.engine, 78, &ticket), 0);
	cr_expect_eq(pendi_session_reserve(session, fixture.engine, 0, &second), 0);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(pendi_session_reserve(session, fixture.engine, 0, &second), -EDQUOT);
	pendi_session_discard(&ticket);
	cr_expect_eq(pendi_session_reserve(session, fixture.engine, 0, &ticket), 0);
	cr_expect_eq(fixture_stats(session).refused_share, 3);
	cr_expect_eq(fixture_stats(session).refused_self, 1);
	cr_expect_eq(fixture_stats(session).refused_full, 0);
	cr_expect_eq(fixture_stats(session).live, 2);
	pendi_session_discard(&ticket);
	pendi_session_discard(&second);
	cr_expect_eq(pend_session_close(session), 0);
	cr_expect_eq(pendi_session_reserve(session, fixture.engine, 0, &ticket), -ESHUTDOWN);
	fixture_end(&other);
	fixture_end(&fixture);
}

/* Readable from the first notice until the ring was found empty; written once meanwhile. */
Test(read, the_descriptor_is_level_triggered)
{
	struct pend_session_options options = fixture_options(PEND_LOSS_BLOCK);
	struct pend_notice got[16];
	struct fixture fixture;
	struct pend_session *session;
	int fd;

	fixture_begin(&fixture);
	session = fixture_open(&fixture, &options);
	fd = pend_session_fd(session);
	cr_assert_geq(fd, 0);
	cr_expect(!fixture_readable(fd, 0));
	for (uint64_t round = 1; round <= 3; round++) {
		for (uint64_t i = 0; i < 10; i++) {
			cr_assert_eq(fixture_pend(&fixture, session, i), 0);
			cr_expect(fixture_readable(fd, 0));
		}
		cr_expect_eq(fixture_stats(session).wakes, round);
		for (int i = 0; i < 9; i++) {
			cr_expect_eq(pend_session_read(session, got, NULL, 1), 1);
			cr_expect(fixture_readable(fd, 0));
		}
		cr_expect_eq(pend_session_read(session, got, NULL, 2), 1);
		cr_expect(!fixture_readable(fd, 0), "it was found empty");
		cr_expect_eq(pend_session_read(session, got, NULL, 2), 0);
		cr_expect(!fixture_readable(fd, 0));
	}
	cr_expect_eq(pend_session_close(session), 0);
	fixture_end(&fixture);
}

Test(read, errors)
{
	struct fixture fixture;
	struct pend_session *session;
	struct pend_notice got[1];
	struct pend_session_stats stats = { .size = sizeof(stats) };

	fixture_begin(&fixture);
	session = fixture_open(&fixture, NULL);
	/* retval: pend_session_read -EFAULT */
	cr_expect_eq(pend_session_read(NULL, got, NULL, 1), -EFAULT);
	cr_expect_eq(pend_session_read(session, NULL, NULL, 1), -EFAULT);
	/* retval: pend_session_read -ERANGE */
	cr_expect_eq(pend_session_read(session, got, NULL, (uint32_t)INT32_MAX + 1), -ERANGE);
	/* retval: pend_session_fd -EFAULT */
	cr_expect_eq(pend_session_fd(NULL), -EFAULT);
	/* retval: pend_session_stats_read -EFAULT */
	cr_expect_eq(pend_session_stats_read(NULL, &stats), -EFAULT);
	cr_expect_eq(pend_session_stats_read(session, NULL), -EFAULT);
	stats.size--;
	/* retval: pend_session_stats_read -EINVAL */
	cr_expect_eq(pend_session_stats_read(session, &stats), -EINVAL);
	stats.size++;
	cr_expect_eq(pend_session_close(session), 0);
	/* retval: pend_session_read -ESHUTDOWN */
	cr_expect_eq(pend_session_read(session, got, NULL, 1), -ESHUTDOWN);
	/* retval: pend_session_fd -ESHUTDOWN */
	cr_expect_eq(pend_session_fd(session), -ESHUTDOWN);
	/* retval: pend_session_stats_read -ESHUTDOWN */
	cr_expect_eq(pend_session_stats_read(session, &stats), -ESHUTDOWN);
	fixture_end(&fixture);
}
