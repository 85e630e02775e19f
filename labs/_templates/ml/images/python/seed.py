#!/usr/bin/python3
"""seed.py FILE: write this session's rows. It may run again on a volume that has them, and then changes nothing."""
import os
import random
import sys

path = sys.argv[1]
slope, bend = int(os.environ["SLOPE"]), int(os.environ["BEND"])
source = random.Random(int(os.environ["NOISE"]))
if not os.path.exists(path):
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write("x,y\n")
        for _ in range(500):
            x = source.uniform(-5, 5)
            f.write(f"{x:.4f},{slope * x + bend * x * x + source.gauss(0, 2):.4f}\n")
    os.rename(path + ".new", path)  # whole or not at all
