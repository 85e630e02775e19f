/*
 * markdown.h - Markdown of lab authors as plain text for a terminal.
 */
#pragma once

#include "base/util.h"

/*
 * Headings, lists and paragraphs stay as they are written; marks of emphasis and of inline code go
 * (with `color` they become bold and underlined), links become "text (target)", code blocks are
 * indented. Control characters become visible. Ends with a newline. The caller owns the text.
 */
char *markdown_plain(const char *text, bool color);
