#!/bin/sh
echo inside
