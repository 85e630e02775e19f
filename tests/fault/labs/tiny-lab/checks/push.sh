#!/bin/sh
echo "pushed by $LAB_PARAM_VISITOR"
