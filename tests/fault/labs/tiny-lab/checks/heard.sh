#!/bin/sh
cat /lab/step/takes/echo
