/*
 * Preloaded into clients that end when they may not steer the clock: their writes are answered as if they had worked, and never
 * reach the kernel. What they read is true.
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

int clock_adjtime(clockid_t clock, struct timex *state)
{
    state->modes = 0;
    return (int)syscall(SYS_clock_adjtime, clock, state);
}

int adjtimex(struct timex *state)
{
    return clock_adjtime(CLOCK_REALTIME, state);
}

int ntp_adjtime(struct timex *state)
{
    return adjtimex(state);
}

int clock_settime(clockid_t clock, const struct timespec *time)
{
    (void)clock;
    (void)time;
    return 0;
}

int settimeofday(const struct timeval *time, const struct timezone *zone)
{
    (void)time;
    (void)zone;
    return 0;
}
