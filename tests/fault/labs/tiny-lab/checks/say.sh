#!/bin/sh
cp /lab/step/takes/word /lab/step/gives/echo
