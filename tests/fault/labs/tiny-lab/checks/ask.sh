#!/bin/sh
cp /lab/checks/seen.sh /lab/step/gives/word
