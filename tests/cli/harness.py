# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the command share: running it, checking, counting."""
import os, shutil, subprocess, sys, tempfile

SOURCE = os.environ.get('SOFTISP_SOURCE', os.path.abspath(os.path.join(os.path.dirname(__file__), '../..')))
SOFTISP = sys.argv[1]
SHARED = os.environ.get('SOFTISP_SHARED', os.path.join(SOURCE, '..', 'shared'))
# A build with a sanitizer takes several times as long for a frame: smaller frames, fewer a second, as many of them.
SANITIZED = os.environ.get('SOFTISP_SANITIZED') == '1'
passed = failed = skipped = 0


class Skip(Exception):
    pass


def run(*args, stdin=None, timeout=60, env=None):
    """Exit code, stdout (bytes), stderr (text)."""
    r = subprocess.run([SOFTISP, *map(str, args)], input=stdin, capture_output=True, timeout=timeout,
                       env={**os.environ, **(env or {})})
    return r.returncode, r.stdout, r.stderr.decode(errors='replace')


def expect(condition, *what):
    if not condition:
        raise AssertionError(' '.join(str(w) for w in what))


def one_sentence(err):
    lines = [l for l in err.strip().split('\n') if l]
    expect(len(lines) == 1 and lines[0].startswith('softisp'), 'not one sentence on stderr:', repr(err))


def shared(path):
    full = os.path.join(SHARED, 'data', path)
    if not os.path.exists(full):
        raise Skip(f'no shared data: {path}')
    return full


def main(tests):
    global passed, failed, skipped
    for test in tests:
        folder = tempfile.mkdtemp(prefix='softisp-test-')
        try:
            test(folder)
            passed += 1
        except Skip as why:
            skipped += 1
            print(f'SKIPPED {test.__name__}: {why}')
        except Exception as why:
            failed += 1
            print(f'FAILED {test.__name__}: {type(why).__name__}: {why}')
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print(f'{passed} passed, {failed} failed, {skipped} skipped')
    sys.exit(1 if failed else 0)
