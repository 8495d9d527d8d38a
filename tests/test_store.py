"""Kernels on disk: what is kept, whom it is taken from, and what becomes of a program when the folder fails it."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import pydoc
import random
import signal
import stat
import subprocess
import sys
import time
import warnings
from contextlib import suppress

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import cache
from funcgrad.compile import machine, store
from funcgrad.config import Config, config

pytestmark = pytest.mark.skipif(os.name != "posix", reason="nothing is kept where nobody knows what belongs to whom")
SOMEBODY = 12345
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
KERNEL = store.Object(b"code" * 30, ["malloc", "funcgrad.enter"], ["f"])
numbers = iter(range(100, 10**6))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own, and nothing said so far."""
    monkeypatch.setattr(config, "_cache_dir", str(tmp_path / "of" / "kernels"))
    monkeypatch.setattr(store, "_troubles", [])
    monkeypatch.setattr(store, "_warned", False)
    return tmp_path / "of" / "kernels"


def text(number):
    return f"define i32 @f() {{ ret i32 {number} }}"


def is_kept(number):
    """Load a kernel, see that it does what it should, and drop it; whether it came from the disk."""
    end = time.monotonic() + 30
    while machine.is_loaded(text(number)):  # the thread that has compiled it last is about to end
        assert time.monotonic() < end
        time.sleep(0.001)
        gc.collect()
    module = machine.load(text(number))
    assert ctypes.CFUNCTYPE(ctypes.c_int)(module.address("f"))() == number
    return module.was_kept


def kept():
    """A number whose kernel is on disk, and the file."""
    number = next(numbers)
    before = set(os.listdir(config.cache_dir)) if os.path.exists(config.cache_dir) else set()
    assert not is_kept(number)
    (name,) = set(os.listdir(config.cache_dir)) - before
    return number, os.path.join(config.cache_dir, name)


def is_compiled_with_a_warning(number, match):
    """Compiled, with one warning that names the folder, why and the remedy; a second trouble is not said."""
    with pytest.warns(RuntimeWarning, match=match) as said:
        assert not is_kept(number)
    assert len(said) == 1 and config.cache_dir in str(said[0].message) and "FUNCGRAD_CACHE_DIR" in str(said[0].message)
    store._troubles.append("another")
    is_kept(next(numbers))


class TestKernels:
    def test_found_by_another_process(self, folder):
        number, file = kept()
        assert is_kept(number) and is_kept(number)
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600 and stat.S_IMODE(os.stat(folder).st_mode) == 0o700

    def test_modes_do_not_depend_on_the_umask(self, folder):
        before = os.umask(0)
        try:
            number, file = kept()
        finally:
            os.umask(before)
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600 and stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        assert is_kept(number)

    def test_what_the_key_depends_on(self, folder, monkeypatch):
        number, _ = kept()
        assert not is_kept(next(numbers))
        monkeypatch.setattr(machine, "_conditions", lambda: b"another CPU")
        assert not is_kept(number) and is_kept(number)

    def test_conditions(self):
        import llvmlite
        import numba
        from llvmlite import binding

        found = machine._conditions()
        versions = fg.__version__, llvmlite.__version__, numba.__version__, binding.get_host_cpu_name()
        for part in (*versions, binding.get_host_cpu_features().flatten(), "opt=1", binding.get_process_triple()):
            assert part.encode() in found, part

    def test_off(self, folder):
        config.cache_dir = None
        number = next(numbers)
        is_kept(number)
        assert not is_kept(number) and not folder.exists()

    def test_objects(self, folder):
        for k, (imports, exports) in enumerate([([], []), (["a"], []), ([], ["b", "c.d"]), (["e"] * 3, ["ü"])]):
            kernel = store.Object(b"\0" * k, imports, exports)
            store.keep(bytes([k]) * 32, kernel)
            assert store.find(bytes([k]) * 32) == kernel
        assert store.find(KEY) is None and not store._troubles

    def test_programs_of_two_processes(self, folder):
        """The second compiles nothing, imports no numba, and has the same bits."""
        code = """
import sys, numpy as np, funcgrad as fg
from funcgrad.compile import machine
if fg.config.cache_dir and len(sys.argv) > 1:
    machine._compile = machine._parsed = None
x = np.linspace(-1, 1, 1000)
f = fg.jit(fg.grad(lambda x: np.sum(np.sin(x) * np.exp(-x) + np.tanh(x) ** 2)))
program = f.lower(x)
assert program.from_cache == (len(sys.argv) > 1) and "numba" not in sys.modules
assert fg.jit(fg.grad(lambda x: np.sum(np.sin(x) * np.exp(-x) + np.tanh(x) ** 2))).lower(x).from_cache
print(f(x).tobytes().hex())
"""
        first, second = (run(code, folder, *more) for more in ((), ("again",)))
        assert first == second
        np.testing.assert_allclose(np.frombuffer(bytes.fromhex(first))[500:501], [1.0], atol=0.01)


def run(code, folder, *arguments):
    """What a process says that keeps its kernels in a folder."""
    environment = os.environ | {"FUNCGRAD_CACHE_DIR": str(folder)}
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, check=True, env=environment, timeout=120, stdout=subprocess.PIPE, text=True).stdout


class TestDamage:
    def test_every_bit_is_in_the_sum(self, folder):
        content = store._packed(KEY, KERNEL)
        assert store._unpacked(KEY, content) == KERNEL
        for bit in range(8 * len(content)):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            assert store._unpacked(KEY, bytes(flipped)) is None
        for length in range(len(content)):
            assert store._unpacked(KEY, content[:length]) is None
        assert store._unpacked(KEY, content + b"\0") is None

    def test_under_the_name_of_another(self, folder):
        store.keep(KEY, KERNEL)
        os.rename(folder / f"{KEY.hex()}.kernel", folder / f"{OTHER.hex()}.kernel")
        assert store.find(OTHER) is None and "damaged" in store._troubles[0]

    @pytest.mark.parametrize("place", [0, 20, 50, 60, -1, "half", "empty", "more"])
    def test_is_compiled_again_and_replaced(self, folder, place):
        number, file = kept()
        with open(file, "r+b") as stream:
            content = bytearray(stream.read())
            if isinstance(place, int):
                content[place] ^= 4
            content = {"half": content[: len(content) // 2], "empty": b"", "more": content + b"x"}.get(place, content)
            stream.seek(0)
            stream.truncate()
            stream.write(content)
        is_compiled_with_a_warning(number, "damaged")
        assert is_kept(number)


class TestOthers:
    """Nothing that others can write is loaded."""

    @pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
    def test_a_folder_that_others_may_write(self, folder, mode):
        number, _ = kept()
        os.chmod(folder, mode)
        is_compiled_with_a_warning(number, "written by others")
        count = len(os.listdir(folder))
        is_kept(next(numbers))
        assert len(os.listdir(folder)) == count
        os.chmod(folder, 0o755)
        assert is_kept(number)

    @pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
    def test_a_file_that_others_may_write(self, folder, mode):
        number, file = kept()
        os.chmod(file, mode)
        is_compiled_with_a_warning(number, "written by others")
        assert is_kept(number) and stat.S_IMODE(os.stat(file).st_mode) == 0o600

    def test_another_users(self, folder, monkeypatch):
        number, _ = kept()
        monkeypatch.setattr(store.os, "geteuid", lambda: SOMEBODY)
        is_compiled_with_a_warning(number, "another user")

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
    @pytest.mark.parametrize("what", ["folder", "file"])
    def test_given_to_another_user(self, folder, what):
        number, file = kept()
        os.chown(file if what == "file" else folder, SOMEBODY, -1)
        is_compiled_with_a_warning(number, "another user")
        assert is_kept(number) == (what == "file")

    def test_links_and_other_kinds(self, folder, tmp_path):
        number, file = kept()
        os.rename(file, tmp_path / "elsewhere")
        os.symlink(tmp_path / "elsewhere", file)
        is_compiled_with_a_warning(number, "symbolic links")
        assert is_kept(number) and not os.path.islink(file)
        os.unlink(file)
        os.mkfifo(file, 0o600)
        assert not is_kept(number) and is_kept(number)
        os.unlink(file)
        os.mkdir(file, 0o700)
        assert not is_kept(number) and not is_kept(number)

    def test_a_folder_may_be_a_link(self, folder, tmp_path):
        (tmp_path / "disk").mkdir(mode=0o700)
        folder.parent.mkdir()
        folder.symlink_to(tmp_path / "disk")
        number, _ = kept()
        assert is_kept(number)
        os.chmod(tmp_path / "disk", 0o777)
        is_compiled_with_a_warning(number, "written by others")


class TestFolders:
    def test_a_file_in_its_place(self, folder):
        folder.parent.mkdir()
        folder.write_text("")
        is_compiled_with_a_warning(next(numbers), "exists|directory")

    def test_it_cannot_be_made(self, folder):
        folder.parent.write_text("")
        is_compiled_with_a_warning(next(numbers), "directory")

    def test_a_link_to_nowhere(self, folder):
        folder.parent.mkdir()
        folder.symlink_to("nowhere")
        is_compiled_with_a_warning(next(numbers), "exists")

    def test_taken_away_while_running(self, folder):
        number, file = kept()
        folder.rename(folder.parent / "away")
        assert not is_kept(number) and is_kept(number) and os.path.exists(file)

    def test_taken_away_while_writing(self, folder, monkeypatch):
        def replace(*args, **kwargs):
            os.rename(folder, folder.parent / "away")
            return actual(*args, **kwargs)

        actual = os.replace
        monkeypatch.setattr(store.os, "replace", replace)
        is_kept(next(numbers))
        assert not folder.exists() and not store._troubles  # the descriptor is still its own
        monkeypatch.setattr(store.os, "replace", lambda *args, **kwargs: os.stat(folder / "not there"))
        is_kept(next(numbers))
        assert os.listdir(folder) == [] and not store._troubles

    @pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT", "EIO"])
    def test_no_room(self, folder, monkeypatch, code):
        """As the disk says it when a file is closed; a full one is in `test_a_full_disk`."""

        class Full:
            def __init__(self, name, mode, opener):
                self.file = opener(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

            def __enter__(self):
                return self

            def write(self, content):
                os.write(self.file, content[:9])

            def __exit__(self, *_):
                os.close(self.file)
                raise OSError(getattr(errno, code), os.strerror(getattr(errno, code)))

        monkeypatch.setattr(store, "open", Full, raising=False)
        is_compiled_with_a_warning(next(numbers), os.strerror(getattr(errno, code)))
        assert os.listdir(folder) == []

    def test_a_file_that_may_not_grow(self, folder):
        """The system's refusal in the middle of a file."""
        said = run(
            """
import resource, warnings, os
from funcgrad.compile import machine, store
warnings.simplefilter("always")
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
with warnings.catch_warnings(record=True) as said:
    for k in range(3):
        machine.load("define i32 @f() { ret i32 %d }" % k)
print(len(said), said[0].message, os.listdir(os.environ["FUNCGRAD_CACHE_DIR"]))
""",
            folder,
        )
        assert said.startswith("1 ") and "too large" in said and said.endswith("[]\n")

    def test_only_read(self, folder, monkeypatch):
        number, file = kept()
        os.utime(file, (0, 0))

        def refused(path, flags=0, *args, **kwargs):
            if flags & os.O_CREAT:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return actual(path, flags, *args, **kwargs)

        def no_time(*args, **kwargs):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        actual = os.open
        monkeypatch.setattr(store.os, "open", refused)
        monkeypatch.setattr(store.os, "utime", no_time)
        assert is_kept(number)
        is_compiled_with_a_warning(next(numbers), "ead-only")

    def test_a_warning_that_is_an_error_is_one_once(self, folder):
        folder.parent.write_text("")
        number = next(numbers)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RuntimeWarning):
                is_kept(number)
            is_kept(number)


class TestRoom:
    def fill(self, count, size=1000):
        """Kernels of a size, the first of them not used for the longest time."""
        keys = [k.to_bytes(4) * 8 for k in range(1, count + 1)]
        limit, config.cache_size = config.cache_size, 2**60  # nothing is looked at
        for k, key in enumerate(keys):
            store.keep(key, store.Object(b"x" * size, [], []))
            self.use(key, time.time() - (count - k))
        config.cache_size = limit
        return keys

    def use(self, key, when):
        os.utime(os.path.join(config.cache_dir, f"{key.hex()}.kernel"), (when, when))

    @pytest.fixture(autouse=True)
    def _limit(self, folder, monkeypatch):
        monkeypatch.setattr(config, "_cache_size", 10_000)

    def there(self, keys):
        return [store.find(key) is not None for key in keys]

    def test_what_was_not_used_for_long_goes(self, folder):
        keys = self.fill(12)
        (folder / "the user's").write_text("x" * 10_000)
        store.keep(bytes(32), KERNEL)  # a key of chance that looks
        assert self.there(keys) == [False] * 4 + [True] * 8 and (folder / "the user's").exists()
        assert sum(file.size for file in store.contents(str(folder))) <= store.KEPT * 10_000

    def test_below_the_limit_nothing_goes(self, folder):
        keys = self.fill(9)
        store.keep(bytes(32), store.Object(b"", [], []))
        assert all(self.there(keys))

    def test_use_is_noted(self, folder):
        keys = self.fill(12)
        self.use(keys[0], time.time() - 2 * store.DAY)
        assert store.find(keys[0])
        store.keep(bytes(32), KERNEL)
        assert self.there(keys[:5]) == [True, False, False, False, False]

    def test_clock_jumps(self, folder, monkeypatch):
        """What was used by a clock that was ahead goes first, if it is not used again."""
        keys = self.fill(12)
        for key in keys[8:]:
            self.use(key, time.time() + 1000 * store.DAY)
        assert store.find(keys[11])
        store.keep(bytes(32), KERNEL)
        assert self.there(keys) == [False] + [True] * 7 + [False] * 3 + [True]
        for seconds in (0.0, 4e9):
            monkeypatch.setattr(store.time, "time", lambda seconds=seconds: seconds)
            assert self.there(keys[1:8]) == [True] * 7
            store.keep(bytes(32), KERNEL)
        assert not store._troubles

    def test_what_ended_processes_left_goes(self, folder):
        self.fill(1)
        old, new, ahead = (folder / f"{c * 32}.part" for c in "abc")
        for path, seconds in ((old, -2 * store.ABANDONED), (new, 0), (ahead, 2 * store.ABANDONED)):
            path.write_text("")
            os.utime(path, (time.time() + seconds,) * 2)
        store.keep(bytes(32), KERNEL)
        assert new.exists() and not old.exists() and not ahead.exists()

    def test_many_kernels_stay_within_the_limit(self, folder):
        """Whatever their keys: the folder is looked at once for each sixteenth of the limit, on average."""
        config.cache_size = 50_000
        rng = random.Random(0)
        most = 0
        for _ in range(700):
            store.keep(rng.randbytes(32), store.Object(b"x" * 500, [], []))
            if rng.random() < 0.05:
                most = max(most, sum(file.size for file in store.contents(str(folder))))
        assert 42_000 < most < 75_000

    def test_no_room_at_all(self, folder):
        config.cache_size = 0
        store.keep(KEY, KERNEL)
        assert store.contents(str(folder)) == []


# Python says of a file that its finaliser has closed it; and an interrupt within a finaliser goes no further
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
class TestInterrupts:
    def interrupted(self, action, repeat):
        """An action that is interrupted at random moments of its first milliseconds; how often it was."""
        made = 0
        rng = random.Random(repeat)
        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            for k in range(repeat):
                try:
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, 6e-4))
                    action(k)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    made += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        return made

    def test_of_the_store(self, folder):
        """As it is where no thread can be started."""
        kernels = [store.Object(bytes([k]) * 20_000, ["a"], ["b"]) for k in range(8)]
        keys = [bytes([k]) * 32 for k in range(8)]

        def action(k):
            key = keys[k % 8]
            assert store.find(key) in (None, kernels[k % 8])
            store.keep(key, kernels[k % 8])

        assert self.interrupted(action, 300) > 30
        assert not store._troubles
        for key, kernel in zip(keys, kernels):
            store.keep(key, kernel)
            assert store.find(key) == kernel
        assert len([name for name in os.listdir(folder) if name.endswith(".part")]) < 10

    def test_of_a_compile(self, folder):
        found = [next(numbers) for _ in range(60)]
        made = self.interrupted(lambda k: machine.load(text(found[k // 2])), 120)
        assert made > 10
        gc.collect()
        were_kept = [is_kept(number) for number in found]
        assert all(were_kept) and not store._troubles
        assert not [name for name in os.listdir(folder) if name.endswith(".part")]


PROGRAMS = """
import os, sys, warnings
import numpy as np
import funcgrad as fg

def programs(count, own=()):
    x = np.linspace(0.1, 1.0, 7)
    for k in [*range(count), *own]:
        found = fg.jit(lambda x: np.sum(np.sin(x) * (x + float(k)) ** (2 + k % 3)))(x)
        assert abs(found - np.sum(np.sin(x) * (x + float(k)) ** (2 + k % 3))) <= 1e-12 * abs(found), (k, found)
"""


class TestProcesses:
    def test_eight_on_an_empty_folder(self, folder):
        """Forked before anything is compiled: fresh ones take turns with their imports."""
        run(
            f"""{PROGRAMS}
import funcgrad.compile.program, llvmlite.binding
children = []
for k in range(8):
    children.append(os.fork())
    if children[-1] == 0:
        programs(4, [100 + k])
        os._exit(0)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
""",
            folder,
        )
        self.all_are_whole(folder)
        # what all share, 4 with numbers in their text, and one for each exponent with a captured number
        assert len(os.listdir(folder)) == 8

    @pytest.mark.long
    def test_eight_fresh_ones(self, folder):
        code = f"{PROGRAMS}\nprograms(6, [100 + int(sys.argv[1])])"
        environment = os.environ | {"FUNCGRAD_CACHE_DIR": str(folder)}
        command = [sys.executable, "-W", "error", "-c", code]
        processes = [subprocess.Popen([*command, str(k)], env=environment) for k in range(8)]
        assert [process.wait(120) for process in processes] == [0] * 8
        self.all_are_whole(folder)

    def all_are_whole(self, folder, parts=0):
        names = os.listdir(folder)
        for name in names:
            if name.endswith(".kernel"):
                key = bytes.fromhex(name.removesuffix(".kernel"))
                assert store._unpacked(key, (folder / name).read_bytes()) is not None
        count = sum(name.endswith(".part") for name in names)
        assert count <= parts and len(names) > count

    def test_a_writer_that_is_killed(self, folder):
        """At random moments; what is under a kernel's name is always whole."""
        store.keep(KEY, KERNEL)
        rng = random.Random(0)
        for _ in range(25):
            child = os.fork()
            if child == 0:
                with suppress(BaseException):
                    while True:
                        store.keep(rng.randbytes(32), store.Object(b"x" * 1_000_000, ["a"], ["b"]))
                        store.keep(KEY, KERNEL)
                os._exit(1)
            time.sleep(rng.uniform(0.0, 0.012))
            os.kill(child, signal.SIGKILL)
            assert os.waitpid(child, 0)[1] == signal.SIGKILL
            assert store.find(KEY) == KERNEL
        self.all_are_whole(folder, parts=25)
        assert not store._troubles

    @pytest.mark.long
    def test_processes_that_are_killed(self, folder):
        """From their start to their end."""
        environment = os.environ | {"FUNCGRAD_CACHE_DIR": str(folder)}
        code = f"{PROGRAMS}\nprograms(8)"
        rng = random.Random(1)
        for _ in range(60):
            process = subprocess.Popen([sys.executable, "-W", "error", "-c", code], env=environment)
            with suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0.2, 3.0))
            process.kill()
            assert process.wait() in (0, -signal.SIGKILL)
        run(code, folder)
        self.all_are_whole(folder, parts=60)

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_children_of_multiprocessing(self, folder, tmp_path, method):
        (tmp_path / "script.py").write_text(f"""{PROGRAMS}
import multiprocessing

def work(k):
    programs(3, [k])
    return os.getpid()

if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)
    programs(2)
    with multiprocessing.get_context({method!r}).Pool(1) as pool:
        assert os.getpid() not in pool.map(work, range(6), 1)
    programs(6)
""")
        environment = os.environ | {"FUNCGRAD_CACHE_DIR": str(folder)}
        subprocess.run([sys.executable, tmp_path / "script.py"], check=True, env=environment, timeout=120)
        self.all_are_whole(folder)

    def test_threads_and_forks(self, folder):
        run(
            f"""{PROGRAMS}
import signal, threading
programs(1)
warnings.simplefilter("ignore")
threads = [threading.Thread(target=programs, args=(4, range(10 * t, 10 * t + 4))) for t in range(1, 5)]
for thread in threads:
    thread.start()
for k in range(6):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        programs(3, [50 + k])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
for thread in threads:
    thread.join()
""",
            folder,
        )
        self.all_are_whole(folder)

    @pytest.mark.long
    def test_a_full_disk(self, folder):
        """One of 24 kB, which only root may mount."""
        folder.mkdir(parents=True, mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", "size=24k,mode=700", "tmpfs", str(folder)]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
            pytest.skip("no file system can be mounted here")
        try:
            code = f"""{PROGRAMS}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    programs(8, range(100, 103))
print(len(said), said[0].message)
"""
            for _ in range(2):
                said = run(code, folder)
                assert said.startswith("1 ") and "No space left" in said
            self.all_are_whole(folder)
        finally:
            subprocess.run(["umount", str(folder)], check=True)


class TestSettings:
    def test_help_keeps_the_environment_to_itself(self):
        assert "PATH" not in pydoc.render_doc(type(config))

    def test_the_default(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert Config({}).cache_dir == str(tmp_path / ".cache" / "funcgrad")
        assert Config({"XDG_CACHE_HOME": "relative"}).cache_dir == str(tmp_path / ".cache" / "funcgrad")
        assert Config({"XDG_CACHE_HOME": str(tmp_path / "x")}).cache_dir == str(tmp_path / "x" / "funcgrad")
        assert Config({"FUNCGRAD_CACHE_DIR": ""}).cache_dir is None
        assert Config({"FUNCGRAD_CACHE_DIR": "~/k"}).cache_dir == str(tmp_path / "k")
        monkeypatch.setattr(sys, "platform", "darwin")
        assert Config({}).cache_dir == str(tmp_path / "Library" / "Caches" / "funcgrad")
        assert not list(tmp_path.iterdir())

    def test_no_default_where_the_user_has_no_folder(self, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        assert Config({}).cache_dir is None
        monkeypatch.undo()
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert Config({}).cache_dir is None
        (tmp_path / ".cache" / "funcgrad").mkdir(parents=True)
        assert Config({}).cache_dir == str(tmp_path / ".cache" / "funcgrad")  # and the warning says whose it is

    def test_values(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        mine = Config({"FUNCGRAD_CACHE_SIZE": "1000"})
        assert mine.cache_size == 1000 and Config({}).cache_size == 512 << 20
        for value in ("", None):
            mine.cache_dir = value
            assert mine.cache_dir is None
        mine.cache_dir = tmp_path.relative_to(tmp_path) / "k"
        monkeypatch.chdir(tmp_path.parent)
        assert mine.cache_dir == str(tmp_path / "k") and "cache_dir=" in repr(mine)
        for value in (3, b"folder", "a\0b"):
            with pytest.raises(TypeError, match="cache_dir"):
                mine.cache_dir = value
        for value in (-1, "1", True, 1.5, None):
            with pytest.raises(TypeError, match="cache_size"):
                mine.cache_size = value
        with pytest.raises(ValueError, match="FUNCGRAD_CACHE_SIZE"):
            Config({"FUNCGRAD_CACHE_SIZE": "1 GB"})

    def test_the_suite_keeps_nothing(self):
        assert config.cache_dir is None


class TestCommand:
    @pytest.fixture
    def command(self, folder, monkeypatch, capsys):
        """What it prints, and what it returns, in this process."""
        monkeypatch.setattr(cache, "end_by_signals", lambda: None)
        monkeypatch.setattr(sys, "path", [*sys.path])

        def run(*arguments):
            monkeypatch.setattr(sys, "argv", ["cache", *map(str, arguments)])
            failed = cache.main()
            said = capsys.readouterr()
            return failed or said.out + said.err

        return run

    def test_as_a_module(self, folder):
        environment = os.environ | {"FUNCGRAD_CACHE_DIR": str(folder)}
        command = [sys.executable, "-W", "error", "-m", "funcgrad.cache"]
        said = subprocess.check_output(command, env=environment, text=True, timeout=60)
        assert said == f"{folder}: 0 kernels, 0.0 MB of 537 MB\n"

    def test_the_life_of_a_folder(self, folder, tmp_path, command):
        assert command() == f"{folder}: 0 kernels, 0.0 MB of 537 MB\n" and command("list") == ""
        script = tmp_path / "script.py"
        (tmp_path / "lies_beside.py").write_text("import numpy as np\ndef f(x): return np.sin(x) * 13.25 + np.cos(x)\n")
        script.write_text(
            "import sys, numpy as np, funcgrad as fg\nfrom lies_beside import f\n"
            "fg.jit(f).lower(np.ones(int(sys.argv[1])))\nassert __name__ == '__main__'\n"
        )
        command("warm", script, 33)  # and what all kernels share, if nobody has loaded it
        assert "1 kernel," in command("warm", script, 34) and "0 kernels" in command("warm", script, 34)
        lines = command("list").splitlines()
        assert len(lines) >= 2 and all(line.endswith(".kernel") for line in lines)
        (folder / "mine").write_text("")
        assert f"{len(lines)} kernels" in command("clear") and os.listdir(folder) == ["mine"]

    def test_what_cannot_be_done(self, folder, tmp_path, command):
        folder.mkdir(parents=True)
        os.chmod(folder, 0o777)
        script = tmp_path / "script.py"
        script.write_text("raise SystemExit('it has run')")
        assert "written by others" in command("clear") and "written by others" in command("warm", script)
        os.chmod(folder, 0o700)
        (tmp_path / "fails.py").write_text("1 / 0")
        with pytest.raises(ZeroDivisionError):
            command("warm", tmp_path / "fails.py")
        with pytest.raises(SystemExit):
            command("warm", tmp_path / "absent.py")
        (tmp_path / "file").write_text("")
        config.cache_dir = tmp_path / "file"
        assert "directory" in command("list")
        config.cache_dir = None
        assert "no kernels are kept" in command("list")
