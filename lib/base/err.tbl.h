/*
 * err.tbl.h - every error code once: X(code, kind, HTTP status, exit code, worth retrying).
 *
 * The kind is the stable word in problem documents (RFC 9457) and in -o json errors.
 */
X(ERR_USAGE, "usage", 400, 2, false)              /* the request itself is wrong */
X(ERR_NOT_FOUND, "not_found", 404, 3, false)      /* a lab, session, task, file, engine object */
X(ERR_ENGINE, "engine", 502, 4, false)            /* the engine answered: no */
X(ERR_UNREACHABLE, "unreachable", 503, 4, true)   /* nobody answered; nothing was sent */
X(ERR_UNKNOWN, "unknown_outcome", 502, 4, false)  /* sent, but the answer was lost */
X(ERR_STATE, "state", 409, 4, false)              /* not possible in this state */
X(ERR_EXISTS, "exists", 409, 4, false)            /* the name is in use */
X(ERR_IO, "io", 500, 4, false)                    /* file or socket of this machine */
X(ERR_NO_SPACE, "no_space", 507, 4, false)        /* disk full, read-only database */
X(ERR_PROTO, "protocol", 502, 4, false)           /* a peer sent bytes that make no sense */
X(ERR_INTERNAL, "internal", 500, 4, false)        /* ours: a broken promise of this program */
X(ERR_TIMEOUT, "timeout", 504, 5, true)           /* a deadline ran out */
X(ERR_LIMIT, "limit", 413, 6, false)              /* larger than allowed */
X(ERR_QUOTA, "quota", 429, 6, false)              /* too many sessions, hints, extensions */
X(ERR_CAPACITY, "capacity", 503, 6, true)         /* no room on this machine now */
X(ERR_AUTH, "auth", 401, 7, false)                /* who are you? */
X(ERR_FORBIDDEN, "forbidden", 403, 7, false)      /* you may not */
X(ERR_INVALID, "invalid", 422, 8, false)          /* a lab definition is invalid */
X(ERR_CANCELED, "canceled", 499, 130, false)      /* somebody asked to stop */
