/* SPDX-License-Identifier: MIT */
/*
 * 10_identity.c - whose connection is it? Asked where the answer may take time.
 *
 * A program at a layer that must not block cannot find out who connects: bpf_get_identity() says
 * -EAGAIN, and the program returns DEFER_TO_PASSIVE. The connection is held, the library resolves the
 * identity where it may block, and runs the program again with the same context; now the answer is
 * there. It is the process that connected or none: a number that was used again gives -ENOENT.
 */
#include "loading.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int program(void *context, void *data)
{
	struct bpf_identity_info identity;
	const int error = bpf_get_identity(&identity, sizeof(identity));
	const struct pend_subject *subject;

	(void)context, (void)data;
	if (error == -EAGAIN) {
		printf("not here: deferred\n");
		return BPF_SOCK_ADDR_VERDICT_DEFER_TO_PASSIVE;
	}
	if (error) {
		printf("nobody's: %s\n", error == -ENOENT ? "the process is gone" : "refused");
		return BPF_SOCK_ADDR_VERDICT_REJECT;
	}
	subject = (const struct pend_subject *)(uintptr_t)identity.subject_context;
	printf("user %s\n", subject->uid == geteuid() ? "as ours" : "unknown");
	return subject->uid == geteuid() ? BPF_SOCK_ADDR_VERDICT_PROCEED_SOFT
					 : BPF_SOCK_ADDR_VERDICT_REJECT;
}

/* The process that was captured as @subject connects; prints what became of it. */
static int connect_as(struct stage *stage, const struct pend_subject *subject)
{
	uint64_t operation;

	if (stage_connect(stage, "192.0.2.1", 443, subject, &operation) != 0)
		return 1;
	stage_settle(stage);
	printf("%s\n", stage_fate(stage, operation));
	return 0;
}

static int use(struct stage *stage)
{
	struct pend_subject living, dead;
	pid_t child;

	/* A backend does this when an operation begins: pidfd, start time, credentials, by value. */
	if (pend_subject_capture(getpid(), &living) != 0 || connect_as(stage, &living) != 0 ||
	    pend_subject_release(&living) != 0)
		return 1;

	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	/* It ends after it connected and before anybody asked who it was. */
	if (child < 0 || pend_subject_capture(child, &dead) != 0 || kill(child, SIGKILL) != 0 ||
	    waitpid(child, NULL, 0) != child || connect_as(stage, &dead) != 0)
		return 1;
	return pend_subject_release(&dead) != 0;
}

int main(void)
{
	static const uint32_t helpers[] = { BPF_FUNC_get_identity, 0 };
	struct pend_runtime_stats stats = { .size = sizeof(stats) };
	struct pend_program *loaded;
	struct pend_link *link;
	struct stage stage;
	int failed;

	if (stage_open(&stage) != 0 ||
	    stage_load(&stage, NULL, program, NULL, helpers, &loaded) != 0 ||
	    stage_attach(loaded, NULL, &link) != 0)
		return 1;
	failed = use(&stage);
	if (pend_runtime_stats_read(stage.runtime, &stats) != 0 || stage_remove(loaded, link) != 0)
		return 1;
	printf("%d deferred; identities taken and given back: %s\n", (int)stats.deferred,
	       stats.identities == stats.identities_released ? "as many" : "not as many");
	return stage_close(&stage) || failed;
}
