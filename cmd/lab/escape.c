/* escape.c - leaving a shell by keys. */
#include "cmd/lab/escape.h"

bool escape_filter(struct escape *s, const char *in, size_t n, char *out, size_t *ret_n)
{
	bool leave = false;
	size_t to = 0;

	for (size_t i = 0; i < n && !leave; i++) {
		char c = in[i];

		if (s->tilde) {
			s->tilde = false;
			leave = c == '.';
			if (leave)
				break;
			out[to++] = '~';
			s->inside = true;
			if (c == '~')
				continue;
		} else if (c == '~' && !s->inside) {
			s->tilde = true;
			continue;
		}
		out[to++] = c;
		s->inside = c != '\r' && c != '\n';
	}
	*ret_n = to;
	return leave;
}
