/*
 * state.tbl.h - the states of a session: X(constant, word, states that may follow).
 *
 * The word is what users see (API, CLI, database).
 */
X(STATE_QUEUED, "queued", TO(STARTING) | TO(STOPPED) | TO(ENDING) | TO(FAILED))
X(STATE_STARTING, "starting", TO(READY) | TO(FAILED) | TO(STOPPED) | TO(ENDING))
X(STATE_READY, "ready",
	TO(PAUSED) | TO(STOPPED) | TO(GRADING) | TO(RESETTING) | TO(ENDING) | TO(FAILED))
X(STATE_PAUSED, "paused", TO(READY) | TO(STOPPED) | TO(RESETTING) | TO(ENDING) | TO(FAILED))
X(STATE_STOPPED, "stopped", TO(QUEUED) | TO(RESETTING) | TO(ENDING))
X(STATE_GRADING, "grading", TO(READY) | TO(STOPPED) | TO(ENDING) | TO(FAILED))
X(STATE_RESETTING, "resetting", TO(READY) | TO(STOPPED) | TO(ENDING) | TO(FAILED))
X(STATE_FAILED, "failed", TO(QUEUED) | TO(RESETTING) | TO(STOPPED) | TO(ENDING))
X(STATE_ENDING, "ending", TO(GONE))
X(STATE_GONE, "gone", 0)
