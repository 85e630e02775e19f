#!/bin/sh
# Gives: a number that nobody knows before.
echo $((${LAB_PARAM_LEAST:-50} + $(date +%s) % 50)) >"$LAB_GIVES/number"
