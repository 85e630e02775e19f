#!/bin/sh
# There is nothing to do.
true
