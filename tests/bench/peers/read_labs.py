"""Reads the labs of a folder as a program would that only parses them: YAML by libyaml, all other files as they are."""
import os
import sys

import yaml

for folder, _, files in os.walk(sys.argv[1]):
    if '/.git' in folder:
        continue
    for name in files:
        with open(os.path.join(folder, name), 'rb') as f:
            content = f.read()
        if name in ('lab.yaml', 'compose.yaml'):
            yaml.load(content, Loader=yaml.CSafeLoader)
