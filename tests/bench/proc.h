/*
 * proc.h - running programs and looking at processes: time, CPU, memory.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

double now_ms(void); /* monotonic */

/*
 * Run a program to its end. Returns its wall time in ms, from before the fork to after the wait,
 * or NAN when it did not exit with 0. What it wrote is in proc_output() until the next one runs.
 */
double proc_run(const char *const argv[]);
/* The same; look (or NULL) is called with its pid every few ms while it runs. */
double proc_run_watched(const char *const argv[], void (*look)(pid_t pid));
#define RUN(...) proc_run((const char *[]){__VA_ARGS__, NULL})

/* The last program's stdout (its first 64 KiB, without the last newline), and the end of its
 * stderr. */
const char *proc_output(void);
const char *proc_complaint(void);

/* Start a daemon whose output goes to `log`; it gets SIGTERM when this process dies. */
pid_t proc_spawn(const char *const argv[], const char *log);
bool proc_ended(pid_t pid);
void proc_end(pid_t pid); /* TERM, and KILL after 10 s */

/* SIGINT or SIGTERM came; a program that runs is ended by them, too. */
bool proc_interrupted(void);
void proc_catch_signals(void);

/* User and system CPU time of all threads, ms; NAN when there is no such process. */
double proc_cpu_ms(pid_t pid);

/*
 * CPU time of the engine's processes and of what they have waited for, ms. What shims that run
 * still have not waited for is missing, so this is less than the engine has really used.
 */
double proc_engine_cpu_ms(void);

double proc_private_dirty_kb(pid_t pid);
double proc_tree_kb(pid_t pid, bool below); /* resident memory; with all processes below it */
double proc_wakeups(pid_t pid); /* voluntary context switches of all threads so far */

/* The part of all cores' time that was idle, over `ms`; at least NOISY_IDLE: nothing else runs. */
#define NOISY_IDLE 0.9
double machine_idle(int ms);
