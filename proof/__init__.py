# SPDX-License-Identifier: BSD-2-Clause
"""What takes long, or needs a quiet machine: ``make proof``, ``make proof ONLY="sessions soak"``.

How to add a part:

1. Write ``proof/parts/NAME.py``; the file's name is the part's. The first line of its docstring is
   the section's title in docs/proof.md; the rest says what is proven and how.
2. Give it ``async def prove() -> Figures``: its targets are checks, other figures go into tables. A
   check that does not hold, an exception, or more than an hour fails the part; its section says so.
3. Put the work into functions that take their sizes as arguments, and call them from a pytest test
   with small sizes. The test asserts order and counts, never seconds. The modules of
   ``tests/support`` can be imported (``programs.processes`` starts programs), and
   ``proof.interpreters`` finds Pythons and makes virtual environments.
4. Run ``make proof ONLY=NAME`` on a quiet machine, and commit the section that it wrote.
"""
