/* SPDX-License-Identifier: MIT */
/*
 * doctor_system.c - what /proc and /sys tell of what disturbs figures.
 *
 * What is not there is not known and mostly no finding: half of these files are absent in a
 * container. Each look is a function of its own, in a table.
 */
#include "bench/command/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void look_paranoid(struct bench_doctor *doctor)
{
	char line[32];

	if (!bench_doctor_line(doctor, "/proc/sys/kernel/perf_event_paranoid", line, sizeof(line)))
		return;
	if (atoi(line) > 2)
		bench_doctor_tell(doctor, BENCH_NOTE, "perf-paranoid",
				  "sysctl kernel.perf_event_paranoid=1, or profile as root",
				  "perf_event_paranoid is %s: only root may profile", line);
	else
		bench_doctor_tell(doctor, BENCH_FINE, "perf-paranoid", "",
				  "perf_event_paranoid is %s", line);
}

/* What people call the hypervisor that names itself so to the processor. */
static const char *hypervisor_name(const char *virt)
{
	static const char *const names[][2] = { { "KVMKVMKVM", "KVM" },
						{ "TCGTCGTCGTCG", "QEMU, emulated" },
						{ "Microsoft Hv", "Hyper-V" },
						{ "VMwareVMware", "VMware" },
						{ "XenVMMXenVMM", "Xen" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(virt, names[i][0]))
			return names[i][1];
	return virt;
}

static void look_hypervisor(struct bench_doctor *doctor)
{
	const char *virt = hypervisor_name(doctor->host->virt);

	if (!strcmp(virt, "none") || !strcmp(virt, "unknown"))
		bench_doctor_tell(doctor, BENCH_FINE, "hypervisor", "", "hypervisor: %s", virt);
	else
		bench_doctor_tell(doctor, BENCH_NOTE, "hypervisor",
				  "believe ratios side by side, not absolute times; compare with "
				  "pendbench ab",
				  "a virtual machine (%s): its CPUs are moved and stopped unseen",
				  virt);
}

static void look_governor(struct bench_doctor *doctor)
{
	char line[64];

	if (!bench_doctor_line(doctor, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
			       line, sizeof(line)))
		bench_doctor_tell(doctor, BENCH_FINE, "governor", "",
				  "no frequency control is visible here");
	else if (strcmp(line, "performance") != 0)
		bench_doctor_tell(doctor, BENCH_WARNING, "governor",
				  "cpupower frequency-set -g performance",
				  "the frequency governor is %s: CPUs speed up while they are "
				  "measured",
				  line);
	else
		bench_doctor_tell(doctor, BENCH_FINE, "governor", "",
				  "the frequency governor is performance");
}

static void look_boost(struct bench_doctor *doctor)
{
	char line[16];
	bool on;

	if (bench_doctor_line(doctor, "/sys/devices/system/cpu/intel_pstate/no_turbo", line,
			      sizeof(line)))
		on = !strcmp(line, "0");
	else if (bench_doctor_line(doctor, "/sys/devices/system/cpu/cpufreq/boost", line,
				   sizeof(line)))
		on = !strcmp(line, "1");
	else
		return;
	if (on)
		bench_doctor_tell(doctor, BENCH_NOTE, "boost",
				  "echo 0 > /sys/devices/system/cpu/cpufreq/boost (intel_pstate: "
				  "echo 1 > no_turbo)",
				  "boost is on: few busy CPUs run faster than many");
	else
		bench_doctor_tell(doctor, BENCH_FINE, "boost", "", "boost is off");
}

static void look_siblings(struct bench_doctor *doctor)
{
	char path[128], line[64];
	const uint32_t cpu = doctor->host->cpu_count ? doctor->host->cpus[0] : 0;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/thread_siblings_list",
		 cpu);
	if (!bench_doctor_line(doctor, path, line, sizeof(line)))
		return;
	if (strpbrk(line, ",-"))
		bench_doctor_tell(doctor, BENCH_NOTE, "siblings",
				  "use no more threads than cores, or switch SMT off",
				  "CPUs %s share a core: two threads on them hinder each other",
				  line);
	else
		bench_doctor_tell(doctor, BENCH_FINE, "siblings", "", "no CPU shares its core");
}

static void look_huge_pages(struct bench_doctor *doctor)
{
	char line[64];
	const char *open;

	if (!bench_doctor_line(doctor, "/sys/kernel/mm/transparent_hugepage/enabled", line,
			       sizeof(line)) ||
	    !(open = strchr(line, '[')))
		return;
	bench_doctor_tell(
		doctor, strncmp(open, "[always]", 8) ? BENCH_FINE : BENCH_NOTE, "huge-pages",
		strncmp(open, "[always]", 8) ? ""
					     : "compare with echo madvise > "
					       "/sys/kernel/mm/transparent_hugepage/enabled",
		"transparent huge pages: %.*s", (int)strcspn(open + 1, "]"), open + 1);
}

static void look_nodes(struct bench_doctor *doctor)
{
	char line[64];

	if (!bench_doctor_line(doctor, "/sys/devices/system/node/online", line, sizeof(line)))
		return;
	if (strpbrk(line, ",-"))
		bench_doctor_tell(doctor, BENCH_NOTE, "nodes",
				  "--numa prefer, or numactl --cpunodebind=0 --membind=0",
				  "memory nodes %s: where memory lies changes figures", line);
	else
		bench_doctor_tell(doctor, BENCH_FINE, "nodes", "", "one memory node");
}

/* The folder of this process's control group, version 2. */
static bool group_folder(const struct bench_doctor *doctor, char *path, size_t size)
{
	char line[256];

	if (!bench_doctor_line(doctor, "/proc/self/cgroup", line, sizeof(line)) ||
	    strncmp(line, "0::/", 4) != 0)
		return false;
	snprintf(path, size, "/sys/fs/cgroup%s", line + 3);
	return true;
}

/* The smallest quota of the group and those above it, in CPUs; 0: there is none. */
static double quota(const struct bench_doctor *doctor)
{
	char path[300], line[64], file[340];
	double least = 0;
	char *slash;

	if (!group_folder(doctor, path, sizeof(path)))
		return 0;
	do {
		double allowed, period;

		snprintf(file, sizeof(file), "%s/cpu.max", path);
		if (bench_doctor_line(doctor, file, line, sizeof(line)) &&
		    sscanf(line, "%lf %lf", &allowed, &period) == 2 && period > 0 &&
		    (least == 0 || allowed / period < least))
			least = allowed / period;
		slash = strrchr(path, '/');
		if (slash)
			*slash = 0;
	} while (slash && strlen(path) >= strlen("/sys/fs/cgroup"));
	return least;
}

static void look_quota(struct bench_doctor *doctor)
{
	const double cpus = quota(doctor);

	if (cpus > 0)
		bench_doctor_tell(doctor, BENCH_WARNING, "cpu-quota",
				  "raise cpu.max of the control group, or run outside of it",
				  "the control group may use %.2f CPUs: it is stopped when it used "
				  "them up",
				  cpus);
	else
		bench_doctor_tell(doctor, BENCH_FINE, "cpu-quota", "", "no quota of CPU time");
}

/* How many CPUs a list like "0-3,8" has. */
static uint32_t count_list(const char *list)
{
	uint32_t count = 0;

	while (*list) {
		char *end;
		const unsigned long first = strtoul(list, &end, 10);
		unsigned long last = first;

		if (end == list)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		count += last >= first ? (uint32_t)(last - first + 1) : 0;
		list = *end == ',' ? end + 1 : end;
	}
	return count;
}

static void look_cpus(struct bench_doctor *doctor)
{
	const uint32_t may = doctor->host->cpu_count;
	char line[128];
	uint32_t online;

	if (!bench_doctor_line(doctor, "/sys/devices/system/cpu/online", line, sizeof(line)))
		return;
	online = count_list(line);
	if (may < 2)
		bench_doctor_tell(doctor, BENCH_WARNING, "cpus",
				  "figures of one thread are all that can be had",
				  "this process may use %u of %u CPUs", may, online);
	else
		bench_doctor_tell(doctor, may < online ? BENCH_NOTE : BENCH_FINE, "cpus", "",
				  "this process may use %u of %u CPUs", may, online);
}

static void look_load(struct bench_doctor *doctor)
{
	const double cpus = doctor->host->cpu_count;
	double load;
	char line[128];

	if (!bench_doctor_line(doctor, "/proc/loadavg", line, sizeof(line)) ||
	    sscanf(line, "%lf", &load) != 1)
		return;
	bench_doctor_tell(doctor, load > cpus / 4 ? BENCH_WARNING : BENCH_FINE, "load",
			  load > cpus / 4 ? "stop what else runs (see top), or wait" : "",
			  "the load of the last minute was %.2f on %.0f CPUs", load, cpus);
}

static void look_pressure(struct bench_doctor *doctor)
{
	double share;
	char line[128];

	if (!bench_doctor_line(doctor, "/proc/pressure/cpu", line, sizeof(line)) ||
	    sscanf(line, "some avg10=%lf", &share) != 1)
		return;
	bench_doctor_tell(doctor, share > 1 ? BENCH_WARNING : BENCH_FINE, "cpu-pressure",
			  share > 1 ? "stop what else runs (see top), or wait" : "",
			  "somebody waited for a CPU in %.1f %% of the last ten seconds", share);
}

static void look_addresses(struct bench_doctor *doctor)
{
	char line[16];

	if (!bench_doctor_line(doctor, "/proc/sys/kernel/randomize_va_space", line, sizeof(line)))
		return;
	if (!strcmp(line, "0"))
		bench_doctor_tell(
			doctor, BENCH_NOTE, "addresses", "sysctl kernel.randomize_va_space=2",
			"addresses are the same in each process: repeats share one layout, "
			"lucky or not");
	else
		bench_doctor_tell(doctor, BENCH_FINE, "addresses", "",
				  "addresses are random: each process has a layout of its own");
}

static void look_clock(struct bench_doctor *doctor)
{
	static const char *const quick_ones[] = { "tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
						  "arch_sys_counter" };
	char line[64];

	if (!bench_doctor_line(doctor,
			       "/sys/devices/system/clocksource/clocksource0/current_clocksource",
			       line, sizeof(line)))
		return;
	for (size_t i = 0; i < sizeof(quick_ones) / sizeof(quick_ones[0]); i++) {
		if (!strcmp(line, quick_ones[i])) {
			bench_doctor_tell(doctor, BENCH_FINE, "clock", "", "the clock is %s", line);
			return;
		}
	}
	bench_doctor_tell(doctor, BENCH_WARNING, "clock",
			  "boot with clocksource=tsc if it is stable",
			  "the clock is %s: reading it may be a system call", line);
}

void bench_doctor_system(struct bench_doctor *doctor)
{
	static void (*const looks[])(struct bench_doctor * doctor) = {
		look_cpus,  look_quota,     look_hypervisor, look_governor,
		look_boost, look_siblings,  look_nodes,      look_huge_pages,
		look_clock, look_addresses, look_paranoid,
	};

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		looks[i](doctor);
}

void bench_doctor_busy(struct bench_doctor *doctor)
{
	look_load(doctor);
	look_pressure(doctor);
}
