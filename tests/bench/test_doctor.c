/* SPDX-License-Identifier: MIT */
/*
 * test_doctor.c - what the doctor says of machines that are made up of files, and of this one.
 */
#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/command/doctor.h"

static char root[64];
static struct bench_document document;
static struct bench_host host;
static struct bench_doctor doctor;

static void begin(void)
{
	snprintf(root, sizeof(root), "/tmp/pendbench-doctor-XXXXXX");
	cr_assert(mkdtemp(root));
	bench_document_init(&document);
	host = (struct bench_host){ .cpu = "A CPU", .virt = "none", .cpu_count = 4 };
	doctor = (struct bench_doctor){ .document = &document, .root = root, .host = &host };
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *where)
{
	(void)status;
	(void)flag;
	(void)where;
	return remove(path);
}

static void end(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	bench_document_free(&document);
}

/* Writes a file of the made-up machine, with its folders. */
static void put(const char *path, const char *text)
{
	char whole[300];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(whole, 0700);
		*slash = '/';
	}
	file = fopen(whole, "w");
	cr_assert(file, "%s", whole);
	fputs(text, file);
	fclose(file);
}

static const struct bench_finding *find(const char *name)
{
	for (uint32_t i = 0; i < document.finding_count; i++)
		if (!strcmp(document.findings[i].name, name))
			return &document.findings[i];
	return NULL;
}

static void says(const char *name, enum bench_severity severity, const char *part)
{
	const struct bench_finding *finding = find(name);

	cr_assert(finding, "nothing about %s", name);
	cr_assert_eq(finding->severity, severity, "%s: %s", name, finding->text);
	cr_assert(strstr(finding->text, part), "%s: %s", name, finding->text);
	cr_assert_eq(finding->severity == BENCH_WARNING && !*finding->advice, false,
		     "%s: a warning without advice", name);
}

#define CPU "/sys/devices/system/cpu/"

Test(doctor, a_quiet_machine_is_fine, .init = begin, .fini = end)
{
	put("/proc/loadavg", "0.05 0.10 0.20 1/200 3000\n");
	put("/proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
	put("/proc/sys/kernel/perf_event_paranoid", "1\n");
	put("/proc/sys/kernel/randomize_va_space", "2\n");
	put(CPU "online", "0-3\n");
	put(CPU "cpu0/cpufreq/scaling_governor", "performance\n");
	put(CPU "cpu0/topology/thread_siblings_list", "0\n");
	put(CPU "cpufreq/boost", "0\n");
	put("/sys/devices/system/node/online", "0\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
	bench_doctor_system(&doctor);
	bench_doctor_busy(&doctor);
	cr_assert_eq(document.finding_count, 13);
	for (uint32_t i = 0; i < document.finding_count; i++)
		cr_assert_eq(document.findings[i].severity, BENCH_FINE, "%s: %s",
			     document.findings[i].name, document.findings[i].text);
	says("cpus", BENCH_FINE, "4 of 4 CPUs");
	says("huge-pages", BENCH_FINE, "madvise");
}

Test(doctor, a_loud_machine_is_not, .init = begin, .fini = end)
{
	put("/proc/loadavg", "3.50 2.00 1.00 4/200 3000\n");
	put("/proc/pressure/cpu", "some avg10=7.25 avg60=0.00 avg300=0.00 total=1\n");
	put("/proc/sys/kernel/perf_event_paranoid", "4\n");
	put("/proc/sys/kernel/randomize_va_space", "0\n");
	put(CPU "online", "0-3,8-11\n");
	put(CPU "cpu0/cpufreq/scaling_governor", "powersave\n");
	put(CPU "cpu0/topology/thread_siblings_list", "0,4\n");
	put(CPU "intel_pstate/no_turbo", "0\n");
	put("/sys/devices/system/node/online", "0-1\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
	snprintf(host.virt, sizeof(host.virt), "KVMKVMKVM");
	bench_doctor_system(&doctor);
	bench_doctor_busy(&doctor);
	says("load", BENCH_WARNING, "3.50 on 4 CPUs");
	says("cpu-pressure", BENCH_WARNING, "7.2");
	says("perf-paranoid", BENCH_NOTE, "4");
	says("addresses", BENCH_NOTE, "same in each process");
	says("cpus", BENCH_NOTE, "4 of 8 CPUs");
	says("governor", BENCH_WARNING, "powersave");
	says("siblings", BENCH_NOTE, "0,4");
	says("boost", BENCH_NOTE, "on");
	says("nodes", BENCH_NOTE, "0-1");
	says("huge-pages", BENCH_NOTE, "always");
	says("clock", BENCH_WARNING, "hpet");
	says("hypervisor", BENCH_NOTE, "(KVM)");
}

/* The smallest quota of a group and those above it counts. */
Test(doctor, quotas_are_found_above, .init = begin, .fini = end)
{
	put("/proc/self/cgroup", "0::/a/b/c\n");
	put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
	put("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
	put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
	bench_doctor_system(&doctor);
	says("cpu-quota", BENCH_WARNING, "1.50 CPUs");
}

Test(doctor, no_quota_is_fine, .init = begin, .fini = end)
{
	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/cpu.max", "max 100000\n");
	host.cpu_count = 1;
	put(CPU "online", "0\n");
	bench_doctor_system(&doctor);
	says("cpu-quota", BENCH_FINE, "no quota");
	says("cpus", BENCH_WARNING, "1 of 1");
}

/* Nothing but what can be told without a file. */
Test(doctor, an_empty_machine_is_no_error, .init = begin, .fini = end)
{
	bench_doctor_system(&doctor);
	bench_doctor_busy(&doctor);
	cr_assert_eq(doctor.error, 0);
	cr_assert_null(find("load"));
	cr_assert_null(find("clock"));
	says("hypervisor", BENCH_FINE, "none");
}

Test(doctor, a_quick_look_tells_only_what_is_not_fine, .init = begin, .fini = end)
{
	put(CPU "cpu0/cpufreq/scaling_governor", "powersave\n");
	put(CPU "online", "0-3\n");
	doctor.quick = true;
	bench_doctor_system(&doctor);
	cr_assert_eq(document.finding_count, 1);
	says("governor", BENCH_WARNING, "powersave");
}

static void take(char *text)
{
	bench_doctor_fingerprint(&doctor, text, 16);
	cr_assert_eq(strlen(text), 8);
}

Test(doctor, the_fingerprint_is_of_what_matters, .init = begin, .fini = end)
{
	char first[16], other[16];

	put("/proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
	take(first);
	put("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
	put("/proc/loadavg", "9.05 0.10 0.20 1/200 3000\n");
	host.memory_bytes = 5;
	take(other);
	cr_assert_str_eq(first, other, "a patched kernel, another load: the same machine");
	put("/proc/sys/kernel/osrelease", "6.2.0-18-amd64\n");
	take(other);
	cr_assert_str_neq(first, other, "kernel");
	put("/proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
	host.cpu_count = 5;
	take(other);
	cr_assert_str_neq(first, other, "CPUs");
	host.cpu_count = 4;
	put("/sys/devices/system/node/node0/distance", "10 20\n");
	put("/sys/devices/system/node/node1/distance", "20 10\n");
	take(other);
	cr_assert_str_neq(first, other, "nodes");
	snprintf(host.virt, sizeof(host.virt), "KVM");
	take(first);
	cr_assert_str_neq(first, other, "hypervisor");
	snprintf(host.cpu, sizeof(host.cpu), "B CPU");
	take(other);
	cr_assert_str_neq(first, other, "CPU");
}

/* Whatever it is: every look of a whole examination ends, and each finding is there once. */
Test(doctor, this_machine_can_be_examined, .init = begin, .fini = end)
{
	cr_assert_eq(bench_doctor(&document), 0);
	cr_assert_gt(document.finding_count, 8);
	cr_assert(find("build"));
	cr_assert(find("counters"));
	cr_assert(find("membarrier"));
	cr_assert(find("clock-cost"));
	cr_assert(find("hypervisor"));
	cr_assert_eq(strlen(bench_document_get(&document, BENCH_ABOUT_HOST, "fingerprint")), 8);
	for (uint32_t i = 0; i < document.finding_count; i++)
		cr_assert_neq(*document.findings[i].text, 0);
}
