/* Time behind one switch, so that tests can stop and move it. */
#ifndef LIB_BASE_CLOCK_H
#define LIB_BASE_CLOCK_H

double clock_real(void); /* seconds since the epoch */
double clock_mono(void); /* seconds, never goes back */
/* Tests: freeze both clocks at T (negative: run again). */
void clock_freeze(double t);

#endif
