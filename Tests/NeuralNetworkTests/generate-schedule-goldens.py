#!/usr/bin/env python3
"""Prints the literal values of Tests/NeuralNetworkTests/LearningRateScheduleTests.swift, from PyTorch itself.

Needs torch (any version with OneCycleLR's momentum cycling; the committed values came from 2.15.0):
  python3 -m venv env && env/bin/pip install torch && env/bin/python Tests/NeuralNetworkTests/generate-schedule-goldens.py
"""
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

RATE = 0.1
MOMENTUM = 0.9


def one_cycle(optimizer, total):
    return OneCycleLR(
        optimizer, max_lr=RATE, total_steps=total, pct_start=0.25, anneal_strategy="cos", div_factor=25,
        final_div_factor=1e4, base_momentum=0.85, max_momentum=0.95)


def cosine(optimizer, total):
    return CosineAnnealingLR(optimizer, T_max=total)


def values(schedule, total):
    """Learning rate and momentum that the optimizer uses in each step."""
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=RATE, momentum=MOMENTUM, nesterov=True)
    scheduler = schedule(optimizer, total)
    for step in range(total):
        group = optimizer.param_groups[0]
        yield step, group["lr"], group["momentum"]
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        if step + 1 < total:
            scheduler.step()


CASES = [
    ("oneCycle, 20 steps", one_cycle, 20, range(20)),
    ("oneCycle, 100 steps", one_cycle, 100, (0, 1, 2, 12, 23, 24, 25, 26, 50, 62, 75, 98, 99)),
    ("oneCycle, 7 steps: the peak lies between two steps", one_cycle, 7, range(7)),
    ("cosine, 10 steps", cosine, 10, range(10)),
]

print(f"// torch {torch.__version__}")
for title, schedule, total, kept in CASES:
    print(f"// {title}: (step, learning rate, momentum)")
    for step, rate, momentum in values(schedule, total):
        if step in kept:
            print(f"({step}, {rate:.9g}, {momentum:.9g}),")
