#!/bin/sh
echo seen
