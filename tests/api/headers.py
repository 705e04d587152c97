#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each public header alone, in C17 and C++17, with both compilers. Run: headers.py SOURCE"""
import glob, os, shutil, subprocess, sys

source = sys.argv[1]
passed = failed = 0
compilers = [(c, l) for c, l in (('gcc', 'c17'), ('clang', 'c17'), ('g++', 'c++17'), ('clang++', 'c++17'))
             if shutil.which(c)]
for header in sorted(glob.glob(os.path.join(source, 'include/softisp/*.h'))):
    name = os.path.basename(header)
    for compiler, standard in compilers:
        language = 'c' if standard == 'c17' else 'c++'
        run = subprocess.run([compiler, f'-std={standard}', '-Wall', '-Wextra', '-Werror', '-pedantic', '-fsyntax-only',
                              '-x', language, '-I', os.path.join(source, 'include'), '-'],
                             input=f'#include <softisp/{name}>\n', capture_output=True, text=True)
        if run.returncode:
            failed += 1
            print(f'FAILED {name} alone with {compiler} as {standard}\n{run.stderr}')
        else:
            passed += 1
print(f'{passed} passed, {failed} failed')
sys.exit(1 if failed else 0)
